import Addresses

/// Where KEDA asks how many workers the pools with the keda driver are to have. Nobody listens there without such a pool.
public struct KEDASettings: Equatable, Sendable {
    public var listen = SocketAddress.loopback(port: 9091)
    /// Nil: plain HTTP/2.
    public var tls: TLSSettings?

    public init() {}

    func resolved(in folder: String) -> Self {
        var resolved = self
        resolved.listen = self.listen.resolved(in: folder)
        resolved.tls = self.tls?.resolved(in: folder)
        return resolved
    }
}

extension KEDASettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("listen", \.listen, .address(allowsPortZero: true), .needsRestart),
            .value("tls", \.tls, .fixedTLS, .needsRestart, defaultNote: "no TLS"),
        ]
    }
}
