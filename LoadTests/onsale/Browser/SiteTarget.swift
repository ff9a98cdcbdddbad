import HTTPWire
import Primitives
import Transport

/// The site that a crowd is played against, as its sockets need it: addresses, TLS, protocol.
struct SiteTarget: Sendable {
    enum Version: Sendable {
        /// What the site prefers over TLS; HTTP/1.1 without.
        case asAgreed
        case http1
        /// Also without TLS, by prior knowledge.
        case http2

        /// What TLS offers.
        var offers: [String] {
            switch self {
            case .asAgreed: ["h2", "http/1.1"]
            case .http1: ["http/1.1"]
            case .http2: ["h2"]
            }
        }

        /// The option that asks for this one alone.
        var option: String? {
            switch self {
            case .asAgreed: nil
            case .http1: "--http1"
            case .http2: "--http2"
            }
        }
    }

    let url: SiteURL
    /// Visitor `index` always asks the same one: `addresses[index % addresses.count]`.
    let addresses: [SocketAddress]
    let tls: TLSContext?
    let version: Version
    /// Where requests come from; empty: the system chooses.
    private let sources: [SocketAddress]

    /// - Parameter addresses: at least one.
    init(_ url: SiteURL, addresses: [SocketAddress], tls: TLSContext?, version: Version) {
        precondition(!addresses.isEmpty, "a crowd needs somewhere to go")
        self.url = url
        self.addresses = addresses
        self.tls = tls
        self.version = version
        // One host holds some 28,000 connections to one address; this machine has many of its own.
        self.sources = (0..<Target.sourceCount).map { .ipv4(0x7F00_0002 + UInt32($0), port: 0) }
    }

    func with(addresses: [SocketAddress]) -> SiteTarget {
        SiteTarget(self.url, addresses: addresses, tls: self.tls, version: self.version)
    }

    func address(of index: Int) -> SocketAddress { self.addresses[index % self.addresses.count] }

    /// Many addresses only where the site is on this machine.
    func source(of index: Int) -> SocketAddress? {
        guard case .ipv4 = self.address(of: index), AddressScope(self.address(of: index)) == .loopback else {
            return nil
        }
        return self.sources[index % self.sources.count]
    }

    /// What the connection speaks, now that it is open.
    func makeCodec(negotiated: String?) -> any PageCodec {
        let speaks2 = negotiated == "h2" || self.tls == nil && self.version == .http2
        return speaks2 ? HTTP2Codec(url: self.url) : HTTP1Codec(url: self.url)
    }
}
