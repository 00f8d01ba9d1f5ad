// SPDX-License-Identifier: Apache-2.0
// Gives what has happened in a cycle, on each side of the engine, its place among the counters of the device page.
// Combinational.

module fantail_tally #(
  parameter int IncW = 16  // bits of an increment
) (
  input  fantail_pkg::core_counts_t                   core_i,
  input  fantail_pkg::net_counts_t                    net_i,
  input  fantail_pkg::submit_counts_t                 submit_i,
  input  fantail_pkg::write_counts_t                  write_i,
  output logic [IncW*fantail_regs_pkg::CNT_STAGES-1:0] cnt_inc_o,
  output logic [2*fantail_regs_pkg::STAGE_COUNT-1:0]   stage_o     // blocked, busy of stage i at bit 2 * i
);

  always_comb begin
    cnt_inc_o = '0;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_FRAMES*IncW +: IncW]          = IncW'(net_i.rx_frames);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_BYTES*IncW +: IncW]           = IncW'(net_i.rx_bytes);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_FIFO*IncW +: IncW]       = IncW'(net_i.drop_fifo);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_ERROR*IncW +: IncW]      = IncW'(net_i.drop_error);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_CHECKSUM*IncW +: IncW]   = IncW'(net_i.drop_checksum);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_FRAGMENT*IncW +: IncW]   = IncW'(net_i.drop_fragment);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_MALFORMED*IncW +: IncW]  = IncW'(net_i.drop_malformed);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_NO_SLOT*IncW +: IncW]    = IncW'(write_i.no_slot);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_TO_HOST*IncW +: IncW]         = IncW'(write_i.to_host);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_SEGMENTS*IncW +: IncW]        = IncW'(core_i.segment_rx);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DATA_BYTES*IncW +: IncW]      = IncW'(core_i.data_rx);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_ACCEPTED*IncW +: IncW]        = IncW'(core_i.accept);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_DATA_SLOT*IncW +: IncW]  = IncW'(core_i.data_slot);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_CHALLENGED*IncW +: IncW]      = IncW'(core_i.challenge);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_IGNORED*IncW +: IncW]         = IncW'(core_i.ignored);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DROP_WINDOW*IncW +: IncW]     = IncW'(core_i.window);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_DUP_ACKS*IncW +: IncW]        = IncW'(core_i.dup);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RX_RESETS*IncW +: IncW]          = IncW'(core_i.reset);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_FRAMES*IncW +: IncW]          = IncW'(net_i.tx_frames);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_BYTES*IncW +: IncW]           = IncW'(net_i.tx_bytes);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_SEGMENTS*IncW +: IncW]        = IncW'(core_i.segment_tx);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_PAYLOAD_BYTES*IncW +: IncW]   = IncW'(core_i.payload_tx);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_RETRANSMITS*IncW +: IncW]     = IncW'(core_i.retransmit);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_PURE_ACKS*IncW +: IncW]       = IncW'(core_i.pure_ack);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_RESETS*IncW +: IncW]          = IncW'(core_i.rst);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TX_HOST_FRAMES*IncW +: IncW]     = IncW'(net_i.tx_host);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_TIMEOUTS*IncW +: IncW]           = IncW'(core_i.timeout);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_FAST_RETRANSMITS*IncW +: IncW]   = IncW'(core_i.fast);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_PAYLOADS*IncW +: IncW]           = submit_i.payloads;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_PAYLOAD_BYTES*IncW +: IncW]      = submit_i.payload_bytes;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_PAYLOAD_READ_BYTES*IncW +: IncW] = submit_i.payload_read;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_LIST_READ_BYTES*IncW +: IncW]    = submit_i.list_read;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_DELIVERIES*IncW +: IncW]         = submit_i.deliveries;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_BATCHES*IncW +: IncW]            = submit_i.batches;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_REFUSALS*IncW +: IncW]           = submit_i.refused;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_DMA_READ_FAULTS*IncW +: IncW]    = submit_i.read_fault;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_DMA_WRITE_FAULTS*IncW +: IncW]   = IncW'(write_i.write_fault);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_LAG_ABORTS*IncW +: IncW]         = IncW'(core_i.lag_abort);
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_INSTALLS*IncW +: IncW]           = submit_i.install;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_RELEASES*IncW +: IncW]           = submit_i.released;
    cnt_inc_o[fantail_regs_pkg::CNT_INDEX_SWEEPS*IncW +: IncW]             = IncW'(core_i.sweep);
  end

  always_comb begin
    stage_o = '0;
    stage_o[2*fantail_regs_pkg::STAGE_FETCH +: 2]    = submit_i.fetch;
    stage_o[2*fantail_regs_pkg::STAGE_READ +: 2]     = submit_i.read;
    stage_o[2*fantail_regs_pkg::STAGE_LOG +: 2]      = submit_i.log;
    stage_o[2*fantail_regs_pkg::STAGE_FANOUT +: 2]   = core_i.fanout;
    stage_o[2*fantail_regs_pkg::STAGE_TRANSMIT +: 2] = core_i.transmit;
    stage_o[2*fantail_regs_pkg::STAGE_GATHER +: 2]   = core_i.gather;
    stage_o[2*fantail_regs_pkg::STAGE_ASSEMBLE +: 2] = core_i.assemble;
    stage_o[2*fantail_regs_pkg::STAGE_HEADER +: 2]   = core_i.header;
    stage_o[2*fantail_regs_pkg::STAGE_MAC +: 2]      = net_i.mac;
    stage_o[2*fantail_regs_pkg::STAGE_RECEIVE +: 2]  = net_i.receive;
    stage_o[2*fantail_regs_pkg::STAGE_ACK +: 2]      = core_i.ack;
    stage_o[2*fantail_regs_pkg::STAGE_DELIVER +: 2]  = write_i.deliver;
    stage_o[2*fantail_regs_pkg::STAGE_STATUS +: 2]   = write_i.status;
    stage_o[2*fantail_regs_pkg::STAGE_WRITE +: 2]    = write_i.write;
  end

endmodule
