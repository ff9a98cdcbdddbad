import Settings
import Transport

/// Loads the files for TLS with workers: for `check`, for a start, and for a renewal, so that what was found good is what
/// is used.
public enum WorkerCertificates {
    /// What connections offer by ALPN, and all that they speak.
    static let protocols = ["http/1.1"]

    /// Contexts for so many loops. Blocks on the disk.
    public static func contexts(of tls: WorkerTLSSettings, count: Int) throws -> [TLSContext] {
        try (0..<count).map { _ in
            try TLSContext(
                clientAuthorityFile: tls.authority,
                certificateFile: tls.certificate,
                keyFile: tls.key,
                protocols: self.protocols
            )
        }
    }

    /// Everything that keeps the settings' pools from using what they name, with the place of its key.
    static func problems(of settings: Settings) -> [(place: String, message: String)] {
        settings.pools.flatMap { pool in
            let tls = pool.tls
            return OutgoingCertificates.problems(authority: tls.authority, certificate: tls.certificate, key: tls.key)
                .map { ("pools.\(pool.name).tls.\($0.key)", $0.problem) }
        }
    }
}
