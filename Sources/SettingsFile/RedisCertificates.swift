import Settings
import Transport

/// Loads the files for TLS with Redis as the client will, before anything depends on them.
enum RedisCertificates {
    /// The key of `redis_access`, and what is wrong with its file.
    static func problems(of access: RedisAccessSettings) -> [(key: String, problem: String)] {
        var problems: [(key: String, problem: String)] = []
        if let file = access.authority {
            do throws(CertificateProblems) {
                _ = try ClientAuthority(file: file, isRequired: true)
            } catch {
                problems += error.problems.map { ("authority", $0.message) }
            }
        }
        guard let certificate = access.certificate, let key = access.key else { return problems }
        do throws(CertificateProblems) {
            _ = try Certificate(CertificateFiles(certificate: certificate, key: key))
        } catch {
            problems += error.problems.map { ($0.part.rawValue, $0.message) }
        }
        return problems
    }
}
