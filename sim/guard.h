/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that may vanish: pages of a file that another process truncates
 * answer with SIGBUS. A guarded access turns that into an error.
 *
 * The first guarded access of the process takes over SIGBUS; what it was set
 * to before still gets every SIGBUS that is not ours.
 */
#ifndef FANTAIL_GUARD_H
#define FANTAIL_GUARD_H

/*
 * guard_call() - call @fn with @arg
 *
 * @fn only copies: it holds no lock and no other resource.
 * Return: 0, or -EFAULT when it met a page that is gone; it has then done a
 * part of its work.
 */
int guard_call(void (*fn)(void *arg), void *arg);

#endif /* FANTAIL_GUARD_H */
