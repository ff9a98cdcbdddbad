import Addresses
import HTTPWire
import Primitives

/// What a worker is told of whom it serves, and of the way that the request came.
extension Exchange {
    static let ownCookies = CookiePrefix("sluice-")

    /// The first thing that is found out about a request.
    func readOrigin(_ bytes: UnsafeRawBufferPointer) {
        let client = self.client
        let rules = self.tools.forwarding
        self.origin = rules.origin(
            peer: client?.peerAddress,
            isSecure: client?.isSecure ?? false,
            self.tools.requestHead,
            in: bytes
        )
        self.trail.begin(
            self.tools.requestHead,
            in: bytes,
            isProxied: self.origin.isProxied,
            rules: rules,
            random: &self.tools.randomIDs
        )
    }

    /// The request as the worker sees it: without hop-by-hop fields and the room's cookies, with whom it is for.
    func writeForwardedHead(_ request: RequestInHand, to writer: inout ByteWriter) {
        var dropped = self.origin.isProxied ? self.fieldsOfProxies : FieldSet.claims
        if self.trail.trace != nil || self.trail.dropsTraceState { dropped.insert(.traceparent) }
        if self.trail.dropsTraceState { dropped.insert(.tracestate) }
        let showsOwnHost = self.route?.pool.settings.hostHeader == .worker
        let ownHost = showsOwnHost ? self.lease?.connection.worker.way.authority : nil
        if ownHost != nil { dropped.insert(.host) }
        self.tools.requestHead.writeForwarded(
            to: &writer,
            from: request.bytes,
            dropping: dropped,
            droppingName: self.tools.forwarding.requestIDName,
            passing: self.request.asksForUpgrade ? [.expect, .te, .upgrade] : [.expect, .te],
            droppingCookies: Self.ownCookies
        )
        if let ownHost {
            writer.append("host: ")
            writer.append(ownHost)
            writer.append("\r\n")
        } else if self.tools.requestHead.hostRange == nil {
            writer.append("host: localhost\r\n")
        }
        self.writeWay(request, to: &writer)
        self.trail.writeID(to: &writer, rules: self.tools.forwarding)
        if let trace = self.trail.trace {
            writer.append("traceparent: ")
            trace.append(to: &writer)
            writer.append("\r\n")
        }
        if self.client?.speaksHTTP2 ?? false {
            writer.append("via: 2.0 sluice\r\n")
        } else {
            writer.appendVia(minorVersion: self.tools.requestHead.minorVersion)
        }
        writer.appendFraming(self.request.framing)
        writer.append("\r\n")
    }

    /// The longest name and a port. What is longer is no name that resolves, and told twice it would fill the head.
    private static let mostHostBytes = 253 + 6

    private var tellableHost: ByteRange? {
        self.tools.requestHead.hostRange.flatMap { $0.count <= Self.mostHostBytes ? $0 : nil }
    }

    // MARK: The way of the request

    /// What is made anew though a trusted proxy has sent it. Fields of the kind that it does not set are the client's
    /// own; those that say where the client asked stay. Who has shown a certificate is told by this gateway's own
    /// handshakes alone: a proxy that passes on what its clients write would let each of them be anybody.
    private var fieldsOfProxies: FieldSet {
        switch self.tools.forwarding.settings.clientSource {
        case .xForwardedFor: [.xForwardedFor, .xForwardedProto, .forwarded, .clientCertificate]
        case .forwarded: FieldSet.claims
        }
    }

    private func writeWay(_ request: RequestInHand, to writer: inout ByteWriter) {
        guard let client = self.client else { return }
        if !self.origin.isProxied {
            writer.append(client.forwardedFields)
        } else {
            self.writeAddresses(request, peer: client.peerAddress, to: &writer)
            writer.append(self.origin.isSecure ? "X-Forwarded-Proto: https\r\n" : "X-Forwarded-Proto: http\r\n")
        }
        let keepsPlace = self.origin.isProxied && self.tools.forwarding.settings.clientSource == .xForwardedFor
        let names = self.tools.requestHead.names
        if let host = self.tellableHost, !(keepsPlace && names.contains(.xForwardedHost)) {
            writer.appendField("X-Forwarded-Host", host.slice(of: request.bytes))
        }
        // Behind a proxy it is that one's port that the client knows.
        if !self.origin.isProxied, let port = client.listenPort {
            writer.appendField("X-Forwarded-Port", decimal: Int(port))
        }
        if self.tools.forwarding.settings.writesForwarded { self.writeForwarded(request, client, to: &writer) }
    }

    /// `X-Forwarded-For`: what the proxies say, and the last of them. A proxy on this machine, behind a unix socket, has no
    /// address to add.
    private func writeAddresses(_ request: RequestInHand, peer: IPAddress?, to writer: inout ByteWriter) {
        let start = writer.count
        writer.append("X-Forwarded-For: ")
        let empty = writer.count
        if self.tools.forwarding.settings.clientSource == .xForwardedFor {
            for field in self.tools.requestHead.fields where field.id == .xForwardedFor && !field.value.isEmpty {
                if writer.count > empty { writer.append(", ") }
                writer.append(field.value.slice(of: request.bytes))
            }
        } else if let address = self.origin.address, address != peer?.unmapped {
            address.append(to: &writer)
        }
        if let peer {
            if writer.count > empty { writer.append(", ") }
            peer.unmapped.append(to: &writer)
        }
        if writer.count == empty { return writer.rewind(to: start) }
        writer.append("\r\n")
    }

    /// `Forwarded`: the client, and the proxy that has brought the request here.
    private func writeForwarded(_ request: RequestInHand, _ client: any ExchangeClient, to writer: inout ByteWriter) {
        writer.append("Forwarded: for=")
        Self.writeNode(self.origin.address, to: &writer)
        writer.append(self.origin.isSecure ? ";proto=https" : ";proto=http")
        if let host = self.tellableHost {
            writer.append(";host=\"")
            // A checked host has neither quotes nor backslashes.
            writer.append(host.slice(of: request.bytes))
            writer.append("\"")
        }
        if self.origin.isProxied, let peer = client.peerAddress?.unmapped, peer != self.origin.address {
            writer.append(", for=")
            Self.writeNode(peer, to: &writer)
        }
        writer.append("\r\n")
    }

    private static func writeNode(_ address: IPAddress?, to writer: inout ByteWriter) {
        switch address {
        case .v4?: address?.append(to: &writer)
        case .v6?:
            writer.append("\"[")
            address?.append(to: &writer)
            writer.append("]\"")
        case nil: writer.append("unknown")
        }
    }
}
