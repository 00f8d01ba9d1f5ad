/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forced include (-include) of every C++ file of a model archive: it takes
 * over what the verilated run-time would print or abort on, so that a failed
 * assertion ends a model and not the process. dut.cpp defines the functions.
 */
#ifndef FANTAIL_DUT_HOOKS_H
#define FANTAIL_DUT_HOOKS_H

#define VL_USER_FINISH
#define VL_USER_STOP
#define VL_USER_FATAL
#define VL_USER_WARN
#define VL_PRINTF fantail_dut_printf

#ifdef __cplusplus
extern "C"
#endif
	int
	fantail_dut_printf(const char *fmt, ...)
		__attribute__((format(printf, 1, 2), visibility("hidden")));

#endif /* FANTAIL_DUT_HOOKS_H */
