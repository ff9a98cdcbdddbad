import Addresses

/// TLS with the workers that are written with https.
public struct WorkerTLSSettings: Equatable, Sendable {
    /// PEM: whose certificates the workers must have; nil for the system's authorities.
    public var authority: String?
    /// PEM: what workers that ask for it are shown; with `key`.
    public var certificate: String?
    public var key: String?
    /// Whom the certificates are for, where that is not the host under `workers`.
    public var serverName: String?

    public init() {}

    /// Everything that is read.
    public var files: [String] { [self.authority, self.certificate, self.key].compactMap(\.self) }

    /// What has been made of one's files is what the other's settings ask for.
    public func hasSameFiles(as other: Self) -> Bool {
        self.authority == other.authority && self.certificate == other.certificate && self.key == other.key
    }

    func resolved(in folder: String) -> Self {
        var resolved = self
        resolved.authority = self.authority?.resolved(in: folder)
        resolved.certificate = self.certificate?.resolved(in: folder)
        resolved.key = self.key?.resolved(in: folder)
        return resolved
    }
}

extension WorkerTLSSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("authority", \.authority, .either("null", or: .path), .live),
            .value("certificate", \.certificate, .either("null", or: .path), .live),
            .value("key", \.key, .either("null", or: .path), .live),
            .value("server_name", \.serverName, .either("null", or: .serverName), .live),
        ]
    }

    package static func check(_ tls: Self, at path: String, _ findings: inout Findings) {
        guard (tls.certificate == nil) != (tls.key == nil) else { return }
        let (given, missing) = tls.key == nil ? ("certificate", "key") : ("key", "certificate")
        findings.reportContradiction(
            "\(path).\(given)",
            with: ["\(path).\(missing)"],
            "the \(missing) is missing; a client's certificate and its key go together"
        )
    }
}

extension ValueKind where Value == String {
    /// As certificates have it.
    fileprivate static var serverName: Self {
        .scalar("a host name or an IP address, without a port", write: { $0 }) { text throws(Refusal) in
            guard DomainName.isWellFormed(text) || IPAddress(parsing: text) != nil else { throw Refusal() }
            return text.lowercased()
        }
    }
}

extension ValueKind where Value == WorkerAddress {
    static var worker: Self {
        .scalar(
            "an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/shop.sock, or http:// or https:// before a name or "
                + "an IP address, such as https://shop.internal:8443",
            brief: "IPv4:port, [IPv6]:port, unix:path, http://host:port or https://host:port",
            write: \.description
        ) { text throws(Refusal) in
            let worker: WorkerAddress
            do throws(WorkerAddress.ParseError) {
                worker = try WorkerAddress(parsing: text)
            } catch {
                throw Refusal(error.reason)
            }
            guard worker.port != 0 else { throw Refusal("whose port is 0: only a listener can pick a free one") }
            return worker
        }
    }
}

extension PoolSettings {
    /// Names among its workers, which are to be looked up.
    public var hostNames: Set<String> { Set(self.workers.compactMap(\.name)) }
    /// Some worker is reached by TLS.
    public var usesTLS: Bool { self.driver == .static && self.workers.contains(where: \.usesTLS) }

    /// What is known of a list of addresses before anybody is asked for names.
    func checkWorkers(at path: String, _ findings: inout Findings) {
        guard !findings.hasProblem(at: path + ".workers") else { return }
        var known: Set<WorkerAddress> = []
        for (index, worker) in self.workers.enumerated() {
            let place = "\(path).workers[\(index)]"
            if !known.insert(worker).inserted {
                findings.reportContradiction(place, "\(worker) is already in the list")
            }
            guard self.driver == .keda, worker.usesTLS || worker.name != nil else { continue }
            findings.reportContradiction(
                place,
                with: [path + ".driver"],
                "with the keda driver a worker is an address, without TLS, at which KEDA starts one; write IP:port"
            )
        }
    }

    /// Allowed, but probably not meant.
    var accessNotice: String? {
        guard self.driver == .static, !self.workers.isEmpty, self.tls != WorkerTLSSettings(), !self.usesTLS else {
            return nil
        }
        return "pools.\(self.name).tls: no worker is reached by TLS; write https:// before those that are to be"
    }
}
