/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts what is allocated while `counting` is set, by taking the place of the
 * C library's functions. For one source of a program.
 */
#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

#include <stdbool.h>
#include <stdlib.h>

/* volatile: the compiler believes that malloc() looks at nothing of ours */
static _Thread_local volatile bool counting;
static volatile unsigned int allocations;

#ifdef __SANITIZE_ADDRESS__
/* as in the sanitizer's allocator_interface.h, which gcc does not bring */
int __sanitizer_install_malloc_and_free_hooks(
	void (*on_malloc)(const volatile void *, size_t),
	void (*on_free)(const volatile void *));

static void on_malloc(const volatile void *p, size_t bytes)
{
	(void)p;
	(void)bytes;
	if (counting)
		allocations++;
}

static void on_free(const volatile void *p)
{
	(void)p;
}

/* Once, before the first count. */
static void count_allocations(void)
{
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
/* glibc's own names of these. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *p, size_t bytes);

void *malloc(size_t bytes)
{
	if (counting)
		allocations++;
	return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
	if (counting)
		allocations++;
	return __libc_calloc(n, bytes);
}

void *realloc(void *p, size_t bytes)
{
	if (counting)
		allocations++;
	return __libc_realloc(p, bytes);
}

static void count_allocations(void) {}
#endif

#endif /* ALLOCATIONS_H */
