import Settings
import Transport

/// Loads the files for TLS with others as the client will, before anything depends on them.
enum OutgoingCertificates {
    /// Of each file that cannot be used the key, and what is wrong.
    static func problems(
        authority: String?,
        certificate: String?,
        key: String?
    ) -> [(key: String, problem: String)] {
        var problems: [(key: String, problem: String)] = []
        if let file = authority {
            do throws(CertificateProblems) {
                _ = try ClientAuthority(file: file, isRequired: true)
            } catch {
                problems += error.problems.map { ("authority", $0.message) }
            }
        }
        guard let certificate, let key else { return problems }
        do throws(CertificateProblems) {
            _ = try Certificate(CertificateFiles(certificate: certificate, key: key))
        } catch {
            problems += error.problems.map { ($0.part.rawValue, $0.message) }
        }
        return problems
    }

    /// Of a Redis.
    static func problems(of access: RedisAccessSettings) -> [(key: String, problem: String)] {
        self.problems(authority: access.authority, certificate: access.certificate, key: access.key)
    }
}
