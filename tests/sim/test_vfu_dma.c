/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DMA and interrupts over vfio-user: memory with a descriptor, memory whose
 * file is cut off, and memory that the card must ask for by messages.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fantail_pci.h"
#include "vfu_fixture.h"

Test(vfu_dma, interrupt_follows_the_record)
{
	int event = eventfd(0, EFD_NONBLOCK), fd;
	void *region;

	fd = vfu_file(REGION, &region);
	vfu_start();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(raw_map(vfu_s, IOVA, REGION, 0, 3, fd), 0);
	cr_assert_eq(vfu_set_vector(event), 0);
	vfu_program(IOVA);
	vfu_put_payload(region, IOVA);
	vfu_ring();
	cr_assert(vfu_readable(event, 20000));
	vfu_must_be_batch(region);
	vfu_stop();
}

/* Taken away, the vector is silent; the record is there all the same. */
Test(vfu_dma, vector_without_a_descriptor)
{
	int event = eventfd(0, EFD_NONBLOCK), fd, ms;
	uint8_t *region;
	void *va;

	fd = vfu_file(REGION, &va);
	region = va;
	vfu_start();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(raw_map(vfu_s, IOVA, REGION, 0, 3, fd), 0);
	cr_assert_eq(vfu_set_vector(event), 0);
	cr_assert_eq(vfu_set_vector(-1), 0);
	vfu_program(IOVA);
	vfu_put_payload(region, IOVA);
	vfu_ring();
	for (ms = 0; ms < 20000 &&
		     !__atomic_load_n(&region[RING_STATUS], __ATOMIC_ACQUIRE);
	     ms++)
		usleep(1000);
	vfu_must_be_batch(region);
	cr_assert(!vfu_readable(event, 100));
	vfu_stop();
}

Test(vfu_dma, no_dma_without_bus_master)
{
	uint32_t code = 0;
	void *region;
	int fd, i;

	fd = vfu_file(REGION, &region);
	vfu_start();
	cr_assert(raw_put32(vfu_s, VFU_REGION_CONFIG, FANTAIL_PCI_COMMAND,
			    FANTAIL_PCI_COMMAND_MEMORY));
	cr_assert_eq(raw_map(vfu_s, IOVA, REGION, 0, 3, fd), 0);
	vfu_program(IOVA);
	vfu_put_payload(region, IOVA);
	vfu_ring();
	for (i = 0; !code && i < 5000; i++) {
		usleep(1000);
		code = vfu_get32(VFU_REGION_BAR0,
				 VFU_PAGE0 + FANTAIL_QP_FAULT_CODE);
	}
	cr_assert_eq(code, FANTAIL_FAULT_ENTRY_READ);
	cr_assert_eq(
		vfu_get32(VFU_REGION_BAR0, VFU_PAGE0 + FANTAIL_QP_FAULT_ADDR),
		(uint32_t)IOVA);
	cr_assert_eq(((uint8_t *)region)[RING_STATUS], 0);
	vfu_stop();
}

/* -------------------------------------------------- memory that goes away */

/* Read behind the end of a file: a fault at the address, and no signal. */
Test(vfu_dma, payload_of_a_truncated_file)
{
	int event = eventfd(0, EFD_NONBLOCK), fd, cut;
	struct fantail_rec_refused r;
	void *region;

	fd = vfu_file(PAYLOAD, &region);
	cut = vfu_file(0x2000, NULL);
	vfu_start();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(raw_map(vfu_s, IOVA, PAYLOAD, 0, 3, fd), 0);
	cr_assert_eq(raw_map(vfu_s, IOVA + PAYLOAD, 0x2000, 0, 1, cut), 0);
	cr_assert_eq(vfu_set_vector(event), 0);
	vfu_program(IOVA);
	vfu_put_payload(region, IOVA);
	cr_assert_eq(ftruncate(cut, 0), 0);
	vfu_ring();
	cr_assert(vfu_readable(event, 20000));
	memcpy(&r, (uint8_t *)region + RING_STATUS, sizeof(r));
	cr_assert_eq(r.type, FANTAIL_REC_REFUSED);
	cr_assert_eq(r.code, FANTAIL_REFUSE_DMA_READ);
	cr_assert_eq((uint64_t)r.addr_hi << 32 | r.addr_lo, IOVA + PAYLOAD);
	vfu_stop();
}

/* Written behind the end of a file: lost; the interrupt comes. */
Test(vfu_dma, records_for_a_truncated_file)
{
	int event = eventfd(0, EFD_NONBLOCK), fd, cut;
	void *region;

	fd = vfu_file(REGION, &region);
	cut = vfu_file(0x2000, NULL);
	vfu_start();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(raw_map(vfu_s, IOVA, RING_STATUS, 0, 3, fd), 0);
	cr_assert_eq(raw_map(vfu_s, IOVA + RING_STATUS, 0x2000, 0, 3, cut), 0);
	cr_assert_eq(raw_map(vfu_s, IOVA + SLOTS, REGION - SLOTS, SLOTS, 3, fd),
		     0);
	cr_assert_eq(vfu_set_vector(event), 0);
	vfu_program(IOVA);
	vfu_put_payload(region, IOVA);
	cr_assert_eq(ftruncate(cut, 0), 0);
	vfu_ring();
	cr_assert(vfu_readable(event, 20000));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR0, FANTAIL_REG_ID),
		     FANTAIL_ID_VALUE);
	cr_assert_eq(ftruncate(cut, 0x2000), 0);
	vfu_stop();
}

/* ------------------------------------------------------- DMA by messages */

static uint8_t remote[REGION];
static unsigned int asked_reads, asked_writes;

/* A message of the server's that is not an answer. */
static void take_command(struct vfu_header *header, uint8_t *body)
{
	int len = raw_receive(vfu_s, header, body);

	cr_assert_geq(len, (int)sizeof(struct vfu_dma_access), "%d", len);
	cr_assert_eq(header->flags & VFU_TYPE_MASK, VFU_COMMAND);
}

/* Answer it from our memory. */
static void answer(const struct vfu_header *asked, uint8_t *body)
{
	struct vfu_header header = {
		.id = asked->id,
		.command = asked->command,
		.flags = VFU_REPLY,
	};
	struct vfu_dma_access access;
	size_t len = sizeof(access);
	uint8_t *at;

	memcpy(&access, body, sizeof(access));
	cr_assert_geq(access.address, IOVA);
	cr_assert_leq(access.address + access.count, IOVA + REGION);
	at = remote + (access.address - IOVA);
	if (asked->command == VFU_DMA_READ) {
		cr_assert_leq(access.count, 512);
		memcpy(body + len, at, access.count);
		len += access.count;
		asked_reads++;
	} else {
		cr_assert_eq(asked->command, VFU_DMA_WRITE);
		memcpy(at, body + len, access.count);
		asked_writes++;
	}
	cr_assert(raw_send(vfu_s, header, 0, body, len, NULL, 0));
}

static void start_remote(int event)
{
	vfu_start();
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(raw_map(vfu_s, IOVA, REGION, 0, 3, -1), 0);
	cr_assert_eq(vfu_set_vector(event), 0);
	vfu_program(IOVA);
	vfu_put_payload(remote, IOVA);
}

Test(vfu_dma, memory_without_a_descriptor)
{
	int event = eventfd(0, EFD_NONBLOCK);
	uint8_t body[RAW_BODY];
	struct vfu_header h;

	start_remote(event);
	vfu_ring();
	while (!remote[RING_STATUS + FANTAIL_RECORD_BYTES - 1]) {
		take_command(&h, body);
		cr_assert(!vfu_readable(event, 0),
			  "the record is not there yet");
		answer(&h, body);
	}
	cr_assert(vfu_readable(event, 20000));
	vfu_must_be_batch(remote);
	cr_assert_geq(asked_reads, 2, "entry and payload");
	cr_assert_geq(asked_writes, 1);
	vfu_stop();
}

/* Who must answer may be waiting for a register himself. */
Test(vfu_dma, registers_are_served_while_dma_is_owed)
{
	int event = eventfd(0, EFD_NONBLOCK), i;
	struct vfu_header h, header = { .id = 999 };
	uint8_t kept[RAW_BODY], body[RAW_BODY];
	struct vfu_region_access a = { 0, VFU_REGION_BAR0, 4 };

	start_remote(event);
	vfu_ring();
	do {
		take_command(&h, kept);
		/* reads with the answer still owed */
		for (i = 0; i < 5; i++) {
			struct vfu_header got;

			header.command = VFU_REGION_READ;
			cr_assert(raw_send(vfu_s, header, 0, &a, sizeof(a),
					   NULL, 0));
			cr_assert_eq(raw_receive(vfu_s, &got, body),
				     (int)sizeof(a) + 4);
			cr_assert_eq(got.id, 999);
		}
		cr_assert(!vfu_readable(event, 20), "told before it was there");
		answer(&h, kept);
	} while (h.command != VFU_DMA_WRITE);
	cr_assert(vfu_readable(event, 20000));
	vfu_must_be_batch(remote);
	vfu_stop();
}

/* An error for an answer is a fault, with the address. */
Test(vfu_dma, refused_dma_is_a_fault)
{
	struct vfu_header h, no;
	uint8_t body[RAW_BODY];
	uint32_t code = 0;
	int i;

	start_remote(eventfd(0, EFD_NONBLOCK));
	vfu_ring();
	take_command(&h, body);
	cr_assert_eq(h.command, VFU_DMA_READ);
	no = (struct vfu_header){
		.id = h.id,
		.command = h.command,
		.flags = VFU_REPLY | VFU_ERROR,
		.error = EFAULT,
	};
	cr_assert(raw_send(vfu_s, no, 0, NULL, 0, NULL, 0));
	for (i = 0; !code && i < 5000; i++) {
		usleep(1000);
		code = vfu_get32(VFU_REGION_BAR0,
				 VFU_PAGE0 + FANTAIL_QP_FAULT_CODE);
	}
	cr_assert_eq(code, FANTAIL_FAULT_ENTRY_READ);
	vfu_stop();
}

/* Also with DMA that nobody will ever answer. */
Test(vfu_dma, reset_waits_for_nobody)
{
	struct vfu_header h, got, header = { .command = VFU_DEVICE_RESET };
	uint8_t body[RAW_BODY];

	start_remote(eventfd(0, EFD_NONBLOCK));
	vfu_ring();
	take_command(&h, body);
	cr_assert(raw_send(vfu_s, header, 0, NULL, 0, NULL, 0));
	cr_assert_eq(raw_receive(vfu_s, &got, body), 0);
	cr_assert_eq(got.command, VFU_DEVICE_RESET);
	cr_assert(!(got.flags & VFU_ERROR));
	/* a late answer harms nobody */
	memset(body, 0, sizeof(body));
	memcpy(body, &(struct vfu_dma_access){ IOVA, 64 }, 16);
	answer(&h, body);
	/* the card is as after power-up */
	cr_assert(raw_power_up(vfu_s));
	cr_assert_eq(vfu_get32(VFU_REGION_BAR0,
			       VFU_PAGE0 + FANTAIL_QP_DATA_BASE + 4),
		     0);
	vfu_stop();
}
