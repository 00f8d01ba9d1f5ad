/* SPDX-License-Identifier: Apache-2.0 */
/* model: none */
#include <criterion/criterion.h>
#include <string.h>

#include "stream.h"

TestSuite(stream, .timeout = 20);

static struct stream *open_stream(unsigned int receivers)
{
	struct stream *s;

	cr_assert_eq(stream_new(receivers, &s), 0);
	for (unsigned int i = 0; i < receivers; i++)
		stream_receiver(s, i)->state = RECEIVER_OPEN;
	return s;
}

Test(stream, right_bytes_then_end)
{
	struct stream *s = open_stream(2);
	struct receiver *r = stream_receiver(s, 0);

	cr_assert_eq(stream_append(s, (const uint8_t *)"hello", 5), 0);
	cr_assert_eq(stream_verify(s, r, (const uint8_t *)"hel", 3), 0);
	cr_assert_eq(stream_verify(s, r, (const uint8_t *)"lo", 2), 0);
	cr_assert_eq(stream_delivered(s), 5);
	stream_finish(s);
	stream_end(s, r);
	cr_assert_eq(r->state, RECEIVER_VERIFIED);
	cr_assert_eq(stream_count(s, RECEIVER_VERIFIED), 1);
	cr_assert_eq(stream_count(s, RECEIVER_OPEN), 1);
	stream_free(s);
}

Test(stream, first_difference_is_named)
{
	struct stream *s = open_stream(1);
	struct receiver *r = stream_receiver(s, 0);
	char text[200];

	stream_append(s, (const uint8_t *)"abcdef", 6);
	cr_assert_eq(stream_verify(s, r, (const uint8_t *)"ab", 2), 0);
	cr_assert_neq(stream_verify(s, r, (const uint8_t *)"cXeY", 4), 0);
	cr_assert_eq(r->state, RECEIVER_FAILED);
	stream_describe(s, 0, text, sizeof(text));
	cr_assert_str_eq(text, "client 0 got a wrong byte at offset 3: "
			       "expected 0x64, got 0x58");
	stream_free(s);
}

Test(stream, byte_that_was_never_published)
{
	struct stream *s = open_stream(1);
	struct receiver *r = stream_receiver(s, 0);
	char text[200];

	stream_append(s, (const uint8_t *)"ab", 2);
	cr_assert_neq(stream_verify(s, r, (const uint8_t *)"abz", 3), 0);
	stream_describe(s, 0, text, sizeof(text));
	cr_assert_str_eq(text, "client 0 got byte 0x7a at offset 2 where "
			       "nothing was published");
	stream_free(s);
}

Test(stream, early_end_is_no_success)
{
	struct stream *s = open_stream(2);

	stream_append(s, (const uint8_t *)"ab", 2);
	/* all there is so far, but the publisher goes on */
	stream_verify(s, stream_receiver(s, 0), (const uint8_t *)"ab", 2);
	stream_end(s, stream_receiver(s, 0));
	cr_assert_eq(stream_receiver(s, 0)->state, RECEIVER_FAILED);
	stream_finish(s);
	stream_verify(s, stream_receiver(s, 1), (const uint8_t *)"a", 1);
	stream_end(s, stream_receiver(s, 1));
	cr_assert_eq(stream_receiver(s, 1)->fault, FAULT_EARLY_END);
	stream_free(s);
}

/* 4.5 GiB through a window of 4: the wrap is no difference, memory is
 * given back, and a receiver that stands still holds the window. */
/* It moves 4.5 GiB: with sanitizers 16 s where nothing else runs. */
Test(stream, window_wraps_and_is_given_back, .timeout = 60)
{
	enum {
		CHUNK = (1 << 20) + 13
	};
	static uint8_t data[CHUNK];
	struct stream *s = open_stream(1);
	struct receiver *r = stream_receiver(s, 0);

	for (unsigned int i = 0; i < 4608; i++) {
		for (size_t k = 0; k < CHUNK; k += 4093)
			data[k] = (uint8_t)(i + k);
		cr_assert_eq(stream_append(s, data, CHUNK), 0, "%u", i);
		cr_assert_eq(stream_verify(s, r, data, CHUNK), 0, "%u", i);
	}
	stream_free(s);
}
