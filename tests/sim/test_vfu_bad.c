/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vfio-user server and clients that break every rule: an error for an
 * answer or a closed connection, and the next client is served.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "vfu_fixture.h"

/* ----------------------------------------------------------------- frames */

Test(vfu_bad, sizes_that_no_message_has)
{
	const uint32_t sizes[] = { 1,	       15,	   70000,     1u << 20,
				   0x7fffffff, 0x80000000, 0xffffffff };
	struct vfu_header header = { .command = VFU_DEVICE_GET_INFO };

	vfu_start_hasty();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		cr_assert(raw_send(vfu_s, header, sizes[i], NULL, 0, NULL, 0));
		vfu_must_hang_up();
	}
	vfu_end();
}

Test(vfu_bad, types_that_no_message_has)
{
	struct vfu_header header = { .command = VFU_DEVICE_GET_INFO };
	struct vfu_device_info info = { .argsz = sizeof(info) };

	vfu_start_hasty();
	for (header.flags = 2; header.flags < 16; header.flags++) {
		cr_assert(raw_send(vfu_s, header, 0, &info, sizeof(info), NULL,
				   0));
		vfu_must_hang_up();
	}
	vfu_end();
}

Test(vfu_bad, answers_to_nothing)
{
	struct vfu_header header = { .flags = VFU_REPLY };
	uint8_t body[80] = { 0 };

	vfu_start_hasty();
	for (header.command = 0; header.command < 20; header.command++) {
		cr_assert(raw_send(vfu_s, header, 0, body, sizeof(body), NULL,
				   0));
		vfu_must_hang_up();
	}
	vfu_end();
}

Test(vfu_bad, commands_that_do_not_exist)
{
	const uint16_t commands[] = { 0,   6,	14, 15,	  16,	11,    12,   17,
				      255, 256, 32, 1000, 4096, 32768, 65535 };
	uint8_t body[64] = { 0 };

	vfu_start_hasty();
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		cr_assert_eq(
			raw_call(vfu_s, commands[i], NULL, 0, NULL, 0, NULL),
			-ENOTSUP);
		cr_assert_eq(raw_call(vfu_s, commands[i], body, sizeof(body),
				      NULL, 0, NULL),
			     -ENOTSUP);
	}
	vfu_end();
}

/* Nobody waits for an answer, so that none comes, not even an error. */
Test(vfu_bad, errors_of_posted_messages_are_silent)
{
	struct vfu_header header = { .flags = VFU_NO_REPLY };
	uint8_t body[64] = { 0 };

	vfu_start_hasty();
	for (header.command = 0; header.command < 20; header.command++)
		for (size_t len = 0; len <= sizeof(body); len += 4)
			cr_assert(
				raw_send(vfu_s, header, 0, body, len, NULL, 0));
	vfu_end();
}

/* Every length but the right one, for every command. */
Test(vfu_bad, bodies_too_short_and_too_long)
{
	const struct {
		size_t len;
		uint16_t command;
		bool more; /* may be longer */
	} right[] = {
		{ 32, VFU_DMA_MAP, false },
		{ 24, VFU_DMA_UNMAP, false },
		{ 16, VFU_DEVICE_GET_INFO, false },
		{ 32, VFU_GET_REGION_INFO, true },
		{ 16, VFU_GET_IRQ_INFO, false },
		{ 20, VFU_SET_IRQS, true },
		{ 16, VFU_REGION_READ, false },
		{ 16, VFU_REGION_WRITE, true },
		{ 0, VFU_DEVICE_RESET, false },
	};
	static uint8_t body[256];

	vfu_start_hasty();
	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		for (size_t len = 0; len < sizeof(body); len++) {
			if (len == right[i].len ||
			    (len > right[i].len && right[i].more))
				continue;
			cr_assert_eq(raw_call(vfu_s, right[i].command, body,
					      len, NULL, 0, NULL),
				     -EINVAL, "command %u, %zu bytes",
				     right[i].command, len);
		}
	vfu_end();
}

/* A message arrives in as many pieces as it likes. */
Test(vfu_bad, single_bytes)
{
	struct {
		struct vfu_header header;
		struct vfu_device_info info;
	} m = { { .id = 3, .command = VFU_DEVICE_GET_INFO, .size = sizeof(m) },
		{ .argsz = sizeof(m.info) } };
	uint8_t body[RAW_BODY];
	struct vfu_header got;

	vfu_start_hasty();
	for (size_t i = 0; i < sizeof(m); i++) {
		cr_assert_eq(send(vfu_s, (char *)&m + i, 1, MSG_NOSIGNAL), 1);
		usleep(1000);
	}
	cr_assert_eq(raw_receive(vfu_s, &got, body), sizeof(m.info));
	cr_assert_eq(got.id, 3);
	vfu_end();
}

/* ---------------------------------------------------------------- version */

static int version(const char *body, size_t len)
{
	return raw_call(vfu_s, VFU_VERSION, body, len, NULL, 0, NULL);
}

Test(vfu_bad, versions)
{
	static const struct {
		const char *body;
		size_t len;
	} bad[] = {
		{ "\0\0\0", 3 },
		{ "\1\0\0\0", 4 },
		{ "\377\377\377\377", 4 },
		{ "\0\0\0\0{", 5 },
		{ "\0\0\0\0{}", 6 }, /* no NUL */
		{ "\0\0\0\0{", 6 },
		{ "\0\0\0\0[]", 7 },
		{ "\0\0\0\0{\"capabilities\":3}", 23 },
		{ "\0\0\0\0\377\376", 7 },
	};
	static char deep[4000];

	vfu_start_hasty();
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		close(vfu_s);
		vfu_s = raw_connect(vfu_server.path);
		cr_assert_eq(version(bad[i].body, bad[i].len), -EINVAL, "%zu",
			     i);
		vfu_must_hang_up();
	}
	/* brackets as deep as a message is long */
	memset(deep + 4, '[', sizeof(deep) - 5);
	close(vfu_s);
	vfu_s = raw_connect(vfu_server.path);
	cr_assert_eq(version(deep, sizeof(deep)), -EINVAL);
	vfu_must_hang_up();
	vfu_end();
}

Test(vfu_bad, nothing_goes_before_the_version)
{
	uint8_t body[64] = { 0 };

	vfu_start_hasty();
	for (uint16_t c = 2; c < 20; c++) {
		close(vfu_s);
		vfu_s = raw_connect(vfu_server.path);
		cr_assert_eq(raw_call(vfu_s, c, body, 16, NULL, 0, NULL),
			     -EINVAL);
		vfu_must_hang_up();
	}
	vfu_end();
}

/* ---------------------------------------------------------------- regions */

Test(vfu_bad, offsets)
{
	const struct vfu_region_access bad[] = {
		{ 0, VFU_REGION_BAR0, 0 },
		{ 0, VFU_REGION_BAR0, 3 },
		{ 0, VFU_REGION_BAR0, 16 },
		{ 2, VFU_REGION_BAR0, 4 },
		{ 0x10000, VFU_REGION_BAR0, 4 },
		{ 0xfffe, VFU_REGION_BAR0, 4 },
		{ ~0ull, VFU_REGION_BAR0, 1 },
		{ ~0ull - 3, VFU_REGION_BAR0, 4 },
		{ ~0ull - 3, VFU_REGION_BAR0, 8 },
		{ 1ull << 32, VFU_REGION_BAR0, 4 },
		{ 0, VFU_REGION_BAR0, 0x10000 },
		{ 0, VFU_REGION_BAR0, ~0u },
		{ 0, VFU_REGION_CONFIG, 4097 },
		{ 1, VFU_REGION_CONFIG, 4096 },
		{ 4096, VFU_REGION_CONFIG, 1 },
		{ ~0ull, VFU_REGION_CONFIG, 2 },
		{ ~0ull - 4094, VFU_REGION_CONFIG, 4096 },
		{ 0x2000, VFU_REGION_BAR2, 1 },
		{ 0x1fff, VFU_REGION_BAR2, 2 },
		{ 0, 1, 4 },
		{ 0, 6, 4 },
		{ 0, 8, 4 },
		{ 0, 9, 4 },
		{ 0, ~0u, 4 },
	};
	static uint8_t body[70000];

	vfu_start_hasty();
	cr_assert(raw_power_up(vfu_s));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t data = bad[i].count < 65536 ? bad[i].count : 65536;

		cr_assert_eq(raw_call(vfu_s, VFU_REGION_READ, &bad[i],
				      sizeof(bad[i]), NULL, 0, NULL),
			     -EINVAL, "read %zu", i);
		memcpy(body, &bad[i], sizeof(bad[i]));
		cr_assert_eq(raw_call(vfu_s, VFU_REGION_WRITE, body,
				      sizeof(bad[i]) + data, NULL, 0, NULL),
			     -EINVAL, "write %zu", i);
	}
	/* data of another length than its count */
	memcpy(body, &(struct vfu_region_access){ 4, VFU_REGION_CONFIG, 4 },
	       16);
	for (size_t len = 16; len < 64; len++)
		if (len != 20)
			cr_assert_eq(raw_call(vfu_s, VFU_REGION_WRITE, body,
					      len, NULL, 0, NULL),
				     -EINVAL);
	vfu_end();
}

/* --------------------------------------------------- clients that give up */

Test(vfu_bad, a_client_that_stops_in_the_middle)
{
	struct vfu_header h = { .command = VFU_DEVICE_GET_INFO, .size = 32 };

	vfu_start_hasty();
	for (size_t n = 1; n <= sizeof(h); n += 3) {
		cr_assert_eq(send(vfu_s, &h, n, MSG_NOSIGNAL), (ssize_t)n);
		/* it neither goes on nor goes away */
		vfu_must_hang_up();
		cr_assert_eq(send(vfu_s, &h, n, MSG_NOSIGNAL), (ssize_t)n);
		/* it goes away */
		vfu_reconnect();
		vfu_must_serve();
	}
	vfu_end();
}

Test(vfu_bad, a_client_that_does_not_read)
{
	struct vfu_region_access a = { 0, VFU_REGION_CONFIG, 4096 };
	struct vfu_header h = { .command = VFU_REGION_READ };
	const struct timeval limit = { .tv_usec = 100000 };
	int i;

	vfu_start_hasty();
	setsockopt(vfu_s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	for (i = 0; i < 100000; i++)
		if (!raw_send(vfu_s, h, 0, &a, sizeof(a), NULL, 0))
			break;
	cr_assert_lt(i, 100000, "it takes everything");
	/* by now it has lost patience; what it had sent is still ours */
	usleep(4 * VFU_HASTY_MS * 1000);
	vfu_must_hang_up();
	vfu_end();
}

/* The card waits for memory that the client does not give. */
Test(vfu_bad, a_client_that_owes_dma)
{
	uint8_t body[RAW_BODY];
	struct vfu_header h;

	vfu_start_hasty();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(raw_map(vfu_s, 0, 1 << 20, 0, 3, -1), 0);
	/* a queue pair at address 0 will do */
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0, FANTAIL_REG_CTRL,
			    FANTAIL_CTRL_ENABLE_MASK));
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_DATA_LOG2, 4));
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_CONTROL_LOG2, 4));
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_STATUS_LOG2, 4));
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_SLOT_COUNT, 8));
	cr_assert(raw_put32(vfu_s, VFU_REGION_BAR0,
			    FANTAIL_PAGE_BYTES + FANTAIL_QP_QP_CTRL,
			    FANTAIL_QP_CTRL_ENABLE_MASK));
	/* wants no answer, which could come after the card's command */
	vfu_ring();
	cr_assert_geq(raw_receive(vfu_s, &h, body), 16);
	cr_assert_eq(h.command, VFU_DMA_READ);
	vfu_must_hang_up();
	vfu_end();
}
