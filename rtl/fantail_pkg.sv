// SPDX-License-Identifier: Apache-2.0
// Types that travel between the blocks of the engine. Widths are those of the largest build (16,384
// connections, 16 MiB log), so that no type depends on a parameter; tables index with the low bits.
//
// Vocabulary
//   id        connection number, 14 bits
//   position  place of a byte in the payload log: only grows, modulo 2^32; its address is position mod LogBytes
//   delta     position - sequence number; constant within an extent
//   qp        queue pair number

package fantail_pkg;

  // One received frame that the parser kept, in arrival order.
  typedef struct packed {
    logic        tcp;        // IPv4, TCP, not a fragment, checksums right
    logic        hit;        // flow table knows the tuple (filled in by the lookup)
    logic        inject;     // came by FRAME_INJECT
    logic [2:0]  qp;         // whose host it came from when injected, else whose it would go to as a frame
    logic [13:0] id;         // connection, when hit
    logic [31:0] local_ip;   // destination address
    logic [31:0] remote_ip;  // source address
    logic [15:0] local_port;
    logic [15:0] remote_port;
    logic [31:0] seq;
    logic [31:0] ack;
    logic [7:0]  flags;      // CWR ECE URG ACK PSH RST SYN FIN
    logic [15:0] wnd;        // as in the header, unscaled
    logic        has_ts;
    logic [31:0] ts_val;
    logic [31:0] ts_ecr;
    logic [10:0] pay_off;    // bytes from the frame's first byte to the payload
    logic [10:0] pay_len;    // payload bytes (IP total length, not padding)
    logic [10:0] frame_len;  // bytes
  } seg_t;

  // What is to be done with a frame, and what became known of a connection. Same order as the frames.
  localparam logic [1:0] VerdictNone  = 2'd0;  // no frame belongs to this: events only
  localparam logic [1:0] VerdictDrop  = 2'd1;  // throw the frame away
  localparam logic [1:0] VerdictData  = 2'd2;  // payload to the host
  localparam logic [1:0] VerdictFrame = 2'd3;  // whole frame to the host
  localparam int VerdictW = 117;
  typedef struct packed {
    logic [1:0]  kind;
    logic [13:0] id;
    logic [31:0] handle;
    logic [2:0]  qp;
    logic [10:0] pay_off;
    logic [10:0] pay_len;
    logic [10:0] frame_len;
    logic [7:0]  reason;     // REASON_ of a frame
    logic [15:0] ev;         // EV_ bits to raise, after the frame has been delivered
    logic [7:0]  cause;      // CAUSE_ that goes with EV_OVERRUN
    logic        fence;      // of qp, and nothing else: see fantail_fence
  } verdict_t;

  // Payload bytes on their way into the log: at most one aligned 64-byte host line per beat.
  typedef struct packed {
    logic [31:0]  pos;       // log position of the first byte
    logic [5:0]   off;       // its place in data
    logic [6:0]   bytes;     // 1..64, off + bytes <= 64
    logic         last;      // last beat of a payload
    logic [511:0] data;
  } append_t;

  // Replicate log bytes [pos, pos+len) into the stream of every target.
  typedef struct packed {
    logic        to_list;    // targets are the handles of the next target list, target is 0
    logic        group;      // target is a group number
    logic [31:0] target;     // handle or group
    logic [2:0]  qp;
    logic [31:0] pos;
    logic [31:0] len;        // bytes, at most LogBytes
    logic [15:0] payloads;   // whole payloads in it
    logic        last;       // ends the batch
  } walk_t;

  // Commands of the control unit to the connection tables.
  localparam logic [3:0] CmdInstall = 4'd0;  // context beside it
  localparam logic [3:0] CmdUpdate  = 4'd1;  // code in arg, value in value
  localparam logic [3:0] CmdClose   = 4'd2;
  localparam logic [3:0] CmdAbort   = 4'd3;
  localparam logic [3:0] CmdRetire  = 4'd4;  // released: answered after a full sweep
  localparam logic [3:0] CmdJoin    = 4'd5;  // group in arg; answer bit: was a member before
  localparam logic [3:0] CmdLeave   = 4'd6;  // group in arg; answer bit: was a member before
  localparam logic [3:0] CmdCredit  = 4'd7;  // value bytes of receive credit back
  localparam logic [3:0] CmdQuery   = 4'd8;  // raise EV_QUERY
  localparam logic [3:0] CmdPurge   = 4'd9;  // leave every group
  typedef struct packed {
    logic [3:0]  op;
    logic [13:0] id;
    logic [15:0] gen;
    logic [2:0]  qp;
    logic [15:0] arg;
    logic [63:0] value;
  } cmd_t;

  // What a CONN record tells beside the events.
  typedef struct packed {
    logic        installed;
    logic [15:0] gen;
    logic [2:0]  qp;
    logic [31:0] acked;
    logic [31:0] queued;
    logic [31:0] retransmits;
    logic [31:0] skipped;
  } conn_stats_t;

  // Flow table operations.
  localparam logic [1:0] FlowInsert = 2'd1;
  localparam logic [1:0] FlowDelete = 2'd2;
  localparam logic [1:0] FlowEnable = 2'd3;  // what was inserted can be found from now on
  typedef struct packed {
    logic [31:0] local_ip;
    logic [31:0] remote_ip;
    logic [15:0] local_port;
    logic [15:0] remote_port;
  } tuple_t;

  // What a stage does in a cycle; neither: it has nothing to do (STAGE_ in fantail_regs_pkg).
  typedef struct packed {
    logic blocked;  // it has work that another holds up
    logic busy;     // it moves work on
  } stage_t;

  // What the device page counts, by the side on which it happens: what one cycle adds.
  typedef struct packed {
    logic        segment_rx;
    logic [10:0] data_rx;     // bytes
    logic        accept;
    logic        window;
    logic        data_slot;
    logic        challenge;
    logic        ignored;
    logic        dup;
    logic        reset;
    logic        timeout;
    logic        fast;
    logic        lag_abort;
    logic        segment_tx;
    logic [10:0] payload_tx;  // bytes
    logic        retransmit;
    logic        pure_ack;
    logic        rst;
    logic        sweep;
    stage_t      fanout;
    stage_t      transmit;
    stage_t      gather;
    stage_t      assemble;
    stage_t      header;
    stage_t      ack;
  } core_counts_t;

  typedef struct packed {
    logic        rx_frames;
    logic [10:0] rx_bytes;
    logic        drop_fifo;
    logic        drop_error;
    logic        drop_checksum;
    logic        drop_fragment;
    logic        drop_malformed;
    logic        tx_frames;
    logic [6:0]  tx_bytes;
    logic        tx_host;     // frames
    stage_t      mac;
    stage_t      receive;
  } net_counts_t;

  typedef struct packed {
    logic [15:0] payloads;
    logic [15:0] payload_bytes;
    logic [15:0] payload_read;
    logic [15:0] list_read;
    logic [15:0] deliveries;
    logic [15:0] batches;
    logic [15:0] refused;
    logic [15:0] read_fault;
    logic [15:0] install;
    logic [15:0] released;
    stage_t      fetch;
    stage_t      read;
    stage_t      log;
  } submit_counts_t;

  typedef struct packed {
    logic        to_host;     // frames
    logic        no_slot;
    logic        write_fault;
    stage_t      deliver;
    stage_t      status;
    stage_t      write;
  } write_counts_t;
endpackage
