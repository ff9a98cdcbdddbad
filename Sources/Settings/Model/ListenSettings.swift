import Addresses

/// One address that the gateway takes requests on.
public struct ListenSettings: Equatable, Sendable, CustomStringConvertible {
    public var address: SocketAddress
    /// Nil for plain HTTP.
    public var tls: TLSSettings?
    /// What is offered to clients of TLS 1.2, as OpenSSL reads it; nil for what is modern. TLS 1.3 has its own.
    public var ciphers: String?
    /// Whose keys seal the tickets by which clients resume their sessions.
    public var tickets = TicketSharing.shared
    /// Who signs the certificates that clients show: a PEM file. Nil: they are not asked.
    public var clientAuthority: String?
    public var clientCertificates = ClientCertificates.required
    /// For how long browsers are told to come by TLS alone, in nanoseconds; nil: they are not told.
    public var hstsNanoseconds: Int64?
    /// The port of TLS that clients of this plain listener are sent to, at the host that they asked for, unless they speak
    /// TLS to a trusted proxy in front; nil: their requests are served.
    public var redirectPort: Int?

    /// Clients that can are served by HTTP/2: over TLS by agreement (ALPN), without TLS when they begin with it.
    public var speaksHTTP2 = true

    public enum ClientCertificates: String, CaseIterable, Sendable { case optional, required }

    public init(
        address: SocketAddress = .loopback(port: 8080),
        tls: TLSSettings? = nil,
        ciphers: String? = nil,
        tickets: TicketSharing = .shared
    ) {
        self.address = address
        self.tls = tls
        self.ciphers = ciphers
        self.tickets = tickets
    }

    public var description: String {
        let old = self.speaksHTTP2 ? [] : ["http2: false"]
        guard let tls = self.tls else {
            let words = (self.redirectPort.map { ["redirect_to_https: \($0)"] } ?? []) + old
            return words.isEmpty ? "\(self.address)" : "\(self.address) (\(words.joined(separator: ", ")))"
        }
        var words = ["tls: \(tls)"]
        if let ciphers = self.ciphers { words.append("ciphers: \(ciphers)") }
        if self.tickets != .shared { words.append("tickets: \(self.tickets.rawValue)") }
        if let authority = self.clientAuthority {
            words.append("client_ca: \(authority), client_certificates: \(self.clientCertificates.rawValue)")
        }
        if let hsts = self.hstsNanoseconds { words.append("hsts: \(DurationText.format(hsts))") }
        return "\(self.address) (\((words + old).joined(separator: ", ")))"
    }

    func resolved(in folder: String) -> Self {
        var resolved = self
        resolved.address = self.address.resolved(in: folder)
        resolved.tls = self.tls?.resolved(in: folder)
        resolved.clientAuthority = self.clientAuthority?.resolved(in: folder)
        return resolved
    }
}

/// Where a client that was given a session ticket may resume its session.
public enum TicketSharing: String, CaseIterable, Sendable {
    /// At every gateway of the shared state.
    case shared
    /// At this listener of this process.
    case own
    /// Nowhere: none are given.
    case off
}

extension ListenSettings: SettingsSection {
    package init() { self.init(address: .loopback(port: 8080)) }

    package static var fields: [SettingsField<Self>] {
        [
            .value("address", \.address, .address(allowsPortZero: true), .needsRestart, isRequired: true),
            .value("tls", \.tls, .listenerTLS, .live, defaultNote: "no TLS"),
            .value("ciphers", \.ciphers, .ciphers, .live, defaultNote: "ECDHE with AES-GCM or ChaCha20-Poly1305"),
            .value("tickets", \.tickets, .word, .needsRestart),
            .value("client_ca", \.clientAuthority, .either("null", or: .path), .live),
            .value("client_certificates", \.clientCertificates, .word, .live),
            .value("hsts", \.hstsNanoseconds, .either("off", or: .duration(Self.hstsNanoseconds)), .live),
            .value("redirect_to_https", \.redirectPort, .redirectPort, .live),
            .value("http2", \.speaksHTTP2, .flag, .live),
        ]
    }

    /// A second to ten years.
    private static let hstsNanoseconds: ClosedRange<Int64> = 1_000_000_000...(3650 * 86_400 * 1_000_000_000)

    /// A socket is bound once, and what has begun as plain HTTP goes on so.
    package static func needsRestart(running: Self, loaded: Self) -> Bool {
        running.address != loaded.address || (running.tls == nil) != (loaded.tls == nil)
            || running.tickets != loaded.tickets
    }

    package static func check(_ listener: Self, at path: String, _ findings: inout Findings) {
        if listener.tls != nil, listener.redirectPort != nil {
            let message = "the listener speaks TLS already; leave redirect_to_https out"
            findings.reportContradiction("\(path).redirect_to_https", with: ["\(path).tls"], message)
        }
        if listener.tls == nil, listener.clientAuthority != nil {
            let message = "the listener speaks no TLS; give it tls, or leave client_ca out"
            findings.reportContradiction("\(path).client_ca", with: ["\(path).tls"], message)
        }
    }
}

extension ValueKind where Value == String? {
    fileprivate static var ciphers: Self {
        let kind = ValueKind<String>.text("OpenSSL's names for TLS 1.2, with colons between them,", maxBytes: 1024)
        return ValueKind(
            allowed: kind.allowed,
            brief: "OpenSSL's names for TLS 1.2, with colons",
            read: { site, findings in kind.read(site, &findings).map { .some($0) } },
            write: { $0 ?? "the default" }
        )
    }
}

extension ValueKind where Value == Int? {
    /// `false`, `true` for the usual port of TLS, or another port.
    fileprivate static var redirectPort: Self {
        .scalar(
            "false, true, or the port that clients reach TLS at, from 1 to 65535",
            brief: "false, true or a port",
            needsPlain: true,
            write: { port in port.map { $0 == 443 ? "true" : "\($0)" } ?? "false" }
        ) { text throws(Refusal) in
            if let word = Bool(text) { return word ? 443 : nil }
            guard let port = UInt16(text), port > 0 else { throw Refusal() }
            return Int(port)
        }
    }
}
