#pragma once

#include "os/path/costs/cost_row.h"

namespace pagewalk::os::costs {

/// Receiving packets.
inline constexpr std::array net = [] {
    using enum KernelFunction;
    return std::to_array<CostRow>({
        {NicInterrupt,
         {"asm_common_interrupt",
          {561, 188, 117},
          "net:asm_common_interrupt",
          "net:asm_common_interrupt",
          ""}},
        {NetRxAction,
         {"net_rx_action",
          {249, 76, 44},
          "net:do_softirq_own + net:net_rx_action_own + net:napi_poll_own",
          "net:net_rx_action_own",
          "a poll without its packets"}},
        {NicCleanRx,
         {"e1000_clean_rx_irq",
          {258, 78, 49},
          "net:e1000_clean_rx_irq_own",
          "net:e1000_clean_rx_irq_own",
          "a packet"}},
        {NicAllocRx,
         {"e1000_alloc_rx_buffers",
          {102, 29, 21},
          "net:e1000_alloc_rx_buffers_own",
          "net:e1000_alloc_rx_buffers_own",
          "a buffer"}},
        {BuildSkb,
         {"netdev_alloc_skb",
          {129, 36, 30},
          "net:netdev_alloc_skb_own",
          "net:netdev_alloc_skb_own",
          "without the object"}},
        {NapiGroReceive,
         {"napi_gro_receive", {185, 60, 27}, "net:napi_gro_receive", "net:napi_gro_receive", ""}},
        {NetifReceiveSkb,
         {"netif_receive_skb_core",
          {299, 93, 44},
          "net:netif_receive_skb_core + net:netif_receive_skb_list_own",
          "net:netif_receive_skb_core",
          ""}},
        {IpReceive, {"ip_rcv", {1130, 354, 186}, "net:ip_rcv", "net:ip_rcv", "with udp_rcv"}},
        {UdpRecvmsg,
         {"udp_recvmsg", {685, 181, 108}, "net:udp_recvmsg_own", "net:udp_recvmsg_own", "a call"}},
        {CopyDatagram,
         {"skb_copy_datagram_iter",
          {345, 72, 42},
          "net:skb_copy_datagram_own",
          "net:skb_copy_datagram_own",
          "a packet; the copy itself is a step of its own"}},
        {ConsumeSkb,
         {"consume_skb",
          {96, 27, 14},
          "net:consume_skb_own + net:skb_release_data_own",
          "net:consume_skb_own",
          "without the object and the page"}},
    });
}();

} // namespace pagewalk::os::costs
