/// Which servers can run the scripts.
enum ServerVersion {
    /// `BITCOUNT ... BIT` and scripts that begin with `#!lua` came with it.
    static let leastMajor = 7

    /// What stands against a server that describes itself as `information`, the answer to `INFO server`.
    static func objection(to information: String) -> EmbeddedRedisError? {
        let prefix = "redis_version:"
        let line = information.split(whereSeparator: \.isNewline).first { $0.hasPrefix(prefix) }
        let version = line?.dropFirst(prefix.count) ?? "unknown"
        if let major = Int(version.prefix { $0 != "." }), major >= Self.leastMajor { return nil }
        return EmbeddedRedisError(
            "redis-server is version \(version), which is too old: install Redis \(Self.leastMajor) or later"
        )
    }
}
