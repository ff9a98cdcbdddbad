import COpenSSL
import EventLoop
import Glibc
import Settings
import Tokens

/// The keys that places and passes are signed with: the configured ones, or one that is made once and kept in the state
/// folder, so that a restart does not send everybody to the end of the line.
enum SigningKeyFile {
    private static let name = "signing.key"
    private static let secretBytes = 32
    /// Of the generated key. Configured keys may have it too: they replace the generated one.
    private static let generatedID: UInt8 = 1

    static func keys(for settings: Settings) throws -> [SigningKey] {
        guard settings.signingKeys.isEmpty else {
            return settings.signingKeys.compactMap { key in
                key.secret.map { SigningKey(id: key.id, secret: $0.bytes) }
            }
        }
        let path = settings.stateFolder + "/" + Self.name
        let secret = try Self.read(path) ?? Self.make(path)
        return [SigningKey(id: Self.generatedID, secret: secret)]
    }

    private static func read(_ path: String) throws -> [UInt8]? {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd != -1 else {
            if errno == ENOENT { return nil }
            throw SystemError(call: "open of \(path)")
        }
        defer { close(fd) }
        var secret = [UInt8](repeating: 0, count: Self.secretBytes + 1)
        let count = Glibc.read(fd, &secret, secret.count)
        guard count == Self.secretBytes else {
            throw DaemonError(
                "\(path) is no signing key of \(Self.secretBytes) bytes; delete it to have a new one made (visitors in line lose their places)"
            )
        }
        return Array(secret.prefix(Self.secretBytes))
    }

    /// Two processes that start at once must not end up with two keys: the file appears whole, and only once.
    private static func make(_ path: String) throws -> [UInt8] {
        var secret = [UInt8](repeating: 0, count: Self.secretBytes)
        guard RAND_bytes(&secret, Int32(secret.count)) == 1 else { throw DaemonError("OpenSSL has no random bytes") }
        let draft = "\(path).\(getpid())"
        let fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard fd != -1 else { throw SystemError(call: "open of \(draft)") }
        let written = write(fd, secret, secret.count)
        close(fd)
        defer { unlink(draft) }
        guard written == secret.count else { throw SystemError(call: "write of \(draft)") }
        if link(draft, path) == 0 { return secret }
        guard errno == EEXIST, let other = try Self.read(path) else { throw SystemError(call: "link to \(path)") }
        return other
    }
}

/// Why Sluice cannot start or go on, in words for its operator.
struct DaemonError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
