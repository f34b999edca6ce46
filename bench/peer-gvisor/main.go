// SPDX-License-Identifier: BSD-2-Clause

// gVisor's side of the comparison: echo, discard, chargen and the smallest of HTTP servers over TCP, and
// echo over UDP, on its netstack. By a packet socket it has segments of 64 kB, as gVisor itself runs; for
// TAP devices its link endpoint has none.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const (
	nic         = 1
	bulkRoom    = 256 << 10
	buffersMost = 6 << 20 // as Linux's
	gsoMost     = 65000
)

var httpAnswer = []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\n" +
	strings.Repeat(".", 99) + "\n")

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer-gvisor:", err)
		os.Exit(1)
	}
}

func check(err tcpip.Error) {
	if err != nil {
		must(fmt.Errorf("%s", err))
	}
}

// ---- The link -------------------------------------------------------------------------------------

func networkOrder(protocol uint16) int {
	return int(protocol<<8 | protocol>>8)
}

func openPacketSocket(name string) int {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, networkOrder(unix.ETH_P_ALL))
	must(err)
	device, err := net.InterfaceByName(name)
	must(err)
	must(unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1))
	for _, option := range []int{unix.SO_RCVBUFFORCE, unix.SO_SNDBUFFORCE} {
		must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 8<<20))
	}
	must(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(networkOrder(unix.ETH_P_ALL)),
		Ifindex: device.Index}))
	return fd
}

func openLink(kind, name string) stack.LinkEndpoint {
	options := fdbased.Options{
		MTU:                1500,
		EthernetHeader:     true,
		Address:            tcpip.LinkAddress("\x02\x67\x76\x69\x73\x02"),
		PacketDispatchMode: fdbased.RecvMMsg,
	}
	if kind == "tap" {
		fd, err := tun.OpenTAP(name)
		must(err)
		options.FDs = []int{fd}
	} else {
		options.FDs = []int{openPacketSocket(name)}
		options.GSOMaxSize = gsoMost
		options.RXChecksumOffload = true
	}
	link, err := fdbased.New(&options)
	must(err)
	return link
}

func newStack(link stack.LinkEndpoint, address net.IP) *stack.Stack {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol},
	})
	sack, cubic := tcpip.TCPSACKEnabled(true), tcpip.CongestionControlOption("cubic")
	check(s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack))
	check(s.SetTransportProtocolOption(tcp.ProtocolNumber, &cubic))
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4096, Default: 1 << 20, Max: buffersMost}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: 4096, Default: 1 << 20, Max: buffersMost}
	check(s.SetTransportProtocolOption(tcp.ProtocolNumber, &receive))
	check(s.SetTransportProtocolOption(tcp.ProtocolNumber, &send))
	check(s.CreateNIC(nic, link))
	check(s.AddProtocolAddress(nic, tcpip.ProtocolAddress{
		Protocol:          ipv4.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{Address: tcpip.Address(address), PrefixLen: 24},
	}, stack.AddressProperties{}))
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	return s
}

// ---- The services ---------------------------------------------------------------------------------

func echo(connection net.Conn, room []byte) {
	for {
		n, err := connection.Read(room)
		if err != nil {
			return
		}
		if _, err = connection.Write(room[:n]); err != nil {
			return
		}
	}
}

func discard(connection net.Conn, room []byte) {
	for {
		if _, err := connection.Read(room); err != nil {
			return
		}
	}
}

func chargen(connection net.Conn, room []byte) {
	for i := range room {
		line, column := i/74, i%74
		switch column {
		case 72:
			room[i] = '\r'
		case 73:
			room[i] = '\n'
		default:
			room[i] = byte(' ' + (line+column)%95)
		}
	}
	for {
		if _, err := connection.Write(room); err != nil {
			return
		}
	}
}

func http(connection net.Conn, room []byte) {
	for {
		n, err := connection.Read(room)
		if err != nil {
			return
		}
		if bytes.HasSuffix(room[:n], []byte("\r\n\r\n")) {
			if _, err = connection.Write(httpAnswer); err != nil {
				return
			}
		}
	}
}

func serve(s *stack.Stack, port uint16, room int, service func(net.Conn, []byte)) {
	listener, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: nic, Port: port}, ipv4.ProtocolNumber)
	must(err)
	for {
		connection, err := listener.Accept()
		if err == io.EOF {
			return
		}
		must(err)
		go func() {
			service(connection, make([]byte, room))
			connection.Close()
		}()
	}
}

func echoDatagrams(s *stack.Stack) {
	socket, err := gonet.DialUDP(s, &tcpip.FullAddress{NIC: nic, Port: 7}, nil, ipv4.ProtocolNumber)
	must(err)
	room := make([]byte, 2048)
	for {
		n, from, err := socket.ReadFrom(room)
		must(err)
		socket.WriteTo(room[:n], from)
	}
}

func main() {
	var kind, name string
	if len(os.Args) == 3 {
		kind, name, _ = strings.Cut(os.Args[1], ":")
	}
	if name == "" || (kind != "tap" && kind != "packet") {
		must(fmt.Errorf("usage: peer-gvisor tap:NAME|packet:NAME ADDRESS (a /24)"))
	}
	address := net.ParseIP(os.Args[2]).To4()
	if address == nil {
		must(fmt.Errorf("%s is no address", os.Args[2]))
	}
	s := newStack(openLink(kind, name), address)
	go echoDatagrams(s)
	go serve(s, 7, 64<<10, echo)
	go serve(s, 9, bulkRoom, discard)
	go serve(s, 19, bulkRoom, chargen)
	serve(s, 80, 4096, http)
}
