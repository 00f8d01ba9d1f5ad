/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sizes of the engine that tests without a `model:` mark are linked with, for
 * those that count up to them. `make sizes` compiles the tests once for each
 * of its sizes; without it these are the sizes of `make test`.
 */
#ifndef TESTS_CARD_SIZE_H
#define TESTS_CARD_SIZE_H

#ifndef CARD_CONNECTIONS
#define CARD_CONNECTIONS 256
#define CARD_GROUPS	 64
#define CARD_LOG	 65536 /* bytes */
#define CARD_EXTENTS	 16    /* of each connection */
#define CARD_QUEUE_PAIRS 2
#endif

#define CARD_PAYLOAD (CARD_LOG / 4) /* bytes of the largest payload */

#define CARD_SCALE (CARD_LOG / 65536) /* for payloads that are to fill it */

#define CARD_MIN(a, b) ((a) < (b) ? (a) : (b))
/*
 * Cycles that end a test which does not end, from those for the small engine:
 * a look at the card costs a sweep over its connections.
 */
#define CARD_CYCLES(n) ((n) * (1ull + CARD_CONNECTIONS / 1024))

/* So many clients, or as many as there can be. */
#define CARD_CLIENTS(n) CARD_MIN(n, CARD_CONNECTIONS)

/*
 * What a test is about does not exist in a card too small or too large for
 * it. `make test` allows no such skip (tools/testlib.py).
 */
#define CARD_NEEDS(what)                                   \
	do {                                               \
		if (!(what))                               \
			cr_skip_test("[size: " #what "]"); \
	} while (0)

#endif /* TESTS_CARD_SIZE_H */
