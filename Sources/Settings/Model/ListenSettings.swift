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
        guard let tls = self.tls else { return "\(self.address)" }
        let ciphers = self.ciphers.map { ", ciphers: \($0)" } ?? ""
        let tickets = self.tickets == .shared ? "" : ", tickets: \(self.tickets.rawValue)"
        return "\(self.address) (tls: \(tls)\(ciphers)\(tickets))"
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

/// Where a listener's certificate comes from.
public enum TLSSettings: Equatable, Sendable, CustomStringConvertible {
    /// Made in the state folder at the first start.
    case selfSigned
    /// PEM files; the certificate's may hold the whole chain, the server's own first.
    case files(certificate: String, key: String)

    public var description: String {
        switch self {
        case .selfSigned: "self_signed"
        case .files(let certificate, let key): "{certificate: \(certificate), key: \(key)}"
        }
    }
}

extension ListenSettings: SettingsSection {
    package init() { self.init(address: .loopback(port: 8080)) }

    package static var fields: [SettingsField<Self>] {
        [
            .value("address", \.address, .address(allowsPortZero: true), .needsRestart, isRequired: true),
            .value("tls", \.tls, .tls, .needsRestart, defaultNote: "no TLS"),
            .value(
                "ciphers",
                \.ciphers,
                .ciphers,
                .needsRestart,
                defaultNote: "ECDHE with AES-GCM or ChaCha20-Poly1305"
            ),
            .value("tickets", \.tickets, .word, .needsRestart),
        ]
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

extension ValueKind where Value == TLSSettings? {
    /// The word `self_signed`, or a mapping with both files.
    static var tls: Self {
        let allowed = "self_signed, or a mapping with the keys certificate and key"
        return ValueKind(
            allowed: allowed,
            innerKeys: { TLSFiles.keys(at: $0) },
            read: { site, findings in
                if case .scalar("self_signed", isPlain: true) = site.node.content { return .some(.selfSigned) }
                guard case .mapping = site.node.content else {
                    site.refuse(&findings)
                    return nil
                }
                let files = TLSFiles.read(site.node, at: site.path, &findings)
                return .some(.files(certificate: files.certificate, key: files.key))
            },
            write: { $0.map(\.description) ?? "no TLS" }
        )
    }
}

/// The mapping form of `tls`. Both keys are required: one without the other is the commonest slip.
private struct TLSFiles: SettingsSection {
    var certificate = ""
    var key = ""

    package static var fields: [SettingsField<Self>] {
        [
            .value("certificate", \.certificate, .path, .needsRestart, isRequired: true),
            .value("key", \.key, .path, .needsRestart, isRequired: true),
        ]
    }
}
