/* SPDX-License-Identifier: Apache-2.0 */
/* What stood in the way: see fantail_driver_why(). */
#ifndef FANTAIL_WHY_H
#define FANTAIL_WHY_H

/*
 * Remember a sentence for fantail_driver_why() of this thread. Returns @rc,
 * so that "return fantail_why(-ENODEV, ...)" reads well. errno is kept.
 */
int fantail_why(int rc, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* FANTAIL_WHY_H */
