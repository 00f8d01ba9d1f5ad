/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the guest's program share. */
#ifndef FANTAIL_TEST_VM_GUEST_H
#define FANTAIL_TEST_VM_GUEST_H

#include <stdbool.h>

/* "ok - ..." or "not ok - ...", with the stage before @name. Returns @good. */
bool tell(bool good, const char *name);

/* Memory for the card: huge pages, and the kernel's limits (memory.c). */
void memory(const char *uri);

#endif
