import Addresses
import Primitives

/// What a command says. Its bytes are made when it is sent: a word of it may depend on the connection.
enum RedisRequest {
    case words([RedisArgument])
    /// A call of a script, by its digest.
    case script(RedisScript, digest: String, keys: [String], arguments: RedisScriptArguments)

    /// The slot of its keys in a Cluster; nil when any node will do.
    var slot: UInt16? {
        switch self {
        case .script(_, _, let keys, _): return keys.first.map { HashSlot.of($0) }
        case .words(let words):
            guard words.count > 1, case .text(let name) = words[0], !Self.keyless.contains(name) else { return nil }
            switch words[1] {
            case .text(let key): return HashSlot.of(key)
            case .bytes(let key): return key.withUnsafeBytes { HashSlot.of($0) }
            case .integer, .serverRun: return nil
            }
        }
    }

    /// Commands whose second word is no key.
    private static let keyless: Set<String> = [
        "ACL", "AUTH", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DEBUG", "ECHO", "INFO", "PING", "PUBLISH", "SCRIPT",
        "SELECT",
    ]
}

/// Arguments of a script, in the form in which the caller keeps them.
enum RedisScriptArguments {
    case texts([String])
    case words([RedisArgument])
}

/// A command on its way, perhaps over several connections; never two at a time.
struct RedisCommand {
    let request: RedisRequest
    let completion: RedisCompletion
    /// While it has not come, a refused command may be sent again.
    let deadline: Instant
    /// The client's own: an error goes straight to `completion`.
    var isOwn = false
    var resends = ResendRule()
    /// The node that has to be asked for this one command, since its slot is on the move.
    var askedAt: RedisEndpoint.Place?
    /// It was refused once because the script was forgotten.
    var hasReloaded = false
}
