import Addresses
import Primitives

/// The address for metrics, health and status.
public struct AdminSettings: Equatable, Sendable {
    public var listen = SocketAddress.loopback(port: 9090)

    public init() {}
}

extension AdminSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [.value("listen", \.listen, .address(allowsPortZero: true), .needsRestart)]
    }
}

/// What becomes of the workers that a controller started, and of what it decided.
public struct ControllerSettings: Equatable, Sendable {
    /// When the controller is told to end, and no other one stands by to take them over.
    public enum OnStop: String, CaseIterable, Sendable {
        case stop, keep
    }

    public var onStop = OnStop.stop
    /// How long decisions are kept in the state folder; 0: none is written there.
    public var decisionsKeepNanoseconds: Int64 = .hours(7 * 24)
    /// And how much of each pool.
    public var decisionsBytes = 512 << 20
    public var keda = KEDASettings()

    public init() {}
}

extension ControllerSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [
            .value("on_stop", \.onStop, .word, .live),
            .section("keda", \.keda),
            .value("decisions_keep", \.decisionsKeepNanoseconds, .duration(0...(.hours(366 * 24))), .live),
            .value("decisions_bytes", \.decisionsBytes, .size(1 << 20...64 << 30), .live),
        ]
    }
}

/// The shared truth: which Redis, or none.
public enum RedisSettings: Equatable, Sendable {
    /// A private `redis-server` on a unix socket in the state folder, started and stopped by Sluice.
    case embedded
    /// In this process alone: for one gateway with the controller inside, and for trying things out.
    case memory
    case server(RedisEndpoint)
}

/// What an address of a Redis has no room for.
public struct RedisAccessSettings: Equatable, Sendable {
    /// PEM: whose certificates the servers must have; nil for the system's authorities.
    public var authority: String?
    /// PEM: what servers that ask for it are shown; with `key`.
    public var certificate: String?
    public var key: String?
    /// Who asks the sentinels; nil for their default user.
    public var sentinelUser: String?
    /// Nil when the sentinels ask for none.
    public var sentinelPassword: Secret?

    public init() {}

    func resolved(in folder: String) -> Self {
        var resolved = self
        resolved.authority = self.authority?.resolved(in: folder)
        resolved.certificate = self.certificate?.resolved(in: folder)
        resolved.key = self.key?.resolved(in: folder)
        return resolved
    }
}

extension RedisAccessSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        let user = ValueKind<String>.text("a text", maxBytes: 200)
        return [
            .value("authority", \.authority, .either("null", or: .path), .needsRestart),
            .value("certificate", \.certificate, .either("null", or: .path), .needsRestart),
            .value("key", \.key, .either("null", or: .path), .needsRestart),
            .value("sentinel_user", \.sentinelUser, .either("null", or: user), .needsRestart),
            .value(
                "sentinel_password",
                \.sentinelPassword,
                .either("null", or: .secret(bytes: 1...512)),
                .needsRestart
            ),
        ]
    }

    package static func check(_ access: Self, at path: String, _ findings: inout Findings) {
        if (access.certificate == nil) != (access.key == nil) {
            let (given, missing) = access.key == nil ? ("certificate", "key") : ("key", "certificate")
            findings.reportContradiction(
                "\(path).\(given)",
                with: ["\(path).\(missing)"],
                "the \(missing) is missing; a client's certificate and its key go together"
            )
        }
        if access.sentinelUser != nil, access.sentinelPassword == nil {
            findings.reportContradiction(
                "\(path).sentinel_user",
                with: ["\(path).sentinel_password"],
                "sentinel_password is missing; a user without one cannot log in"
            )
        }
    }
}

/// What is written to the log, and how.
public struct LogSettings: Equatable, Sendable {
    /// The levels of swift-log, by the same names.
    public enum Level: String, CaseIterable, Sendable { case trace, debug, info, notice, warning, error, critical }
    public enum Format: String, CaseIterable, Sendable { case text, json }

    public var level = Level.info
    public var format = Format.text

    public init() {}
}

extension LogSettings: SettingsSection {
    package static var fields: [SettingsField<Self>] {
        [.value("level", \.level, .word, .live), .value("format", \.format, .word, .needsRestart)]
    }
}

/// A key that places and passes are signed with. The first of the list signs, all of them verify.
public struct SigningKeySettings: Equatable, Sendable, CustomStringConvertible {
    /// 1 to 255; part of every place and pass, so it must not be given to another key while old ones are about.
    public var id: UInt8
    /// The key itself; what `file` holds once the loader has read it.
    public var secret: Secret?
    /// Nil when the secret stands in the settings themselves.
    public var file: String?

    public static let secretBytes = 32...256

    public init(id: UInt8, secret: Secret?, file: String? = nil) {
        self.id = id
        self.secret = secret
        self.file = file
    }

    public var description: String {
        self.file.map { "{id: \(self.id), file: \($0)}" } ?? "{id: \(self.id), secret: (hidden)}"
    }
}

extension SigningKeySettings: SettingsSection {
    package init() { self.init(id: 1, secret: nil) }

    private var wideID: Int {
        get { Int(self.id) }
        set { self.id = UInt8(newValue) }
    }

    package static var fields: [SettingsField<Self>] {
        [
            .value("id", \.wideID, .count(1...255), .live, isRequired: true),
            .value("secret", \.secret, .either("null", or: .secret(bytes: Self.secretBytes)), .live),
            .value("file", \.file, .either("null", or: .path), .live),
        ]
    }

    package static func check(_ key: Self, at path: String, _ findings: inout Findings) {
        guard !findings.hasProblem(at: path + ".secret"), !findings.hasProblem(at: path + ".file") else { return }
        guard (key.secret == nil) == (key.file == nil) else { return }
        let found = key.secret == nil ? "neither secret nor file is given" : "both secret and file are given"
        findings.reportContradiction(path, "\(found); a key has exactly one of them")
    }
}
