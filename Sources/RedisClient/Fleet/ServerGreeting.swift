/// What a server told of itself while its connection was made ready, and whether it is the one that is looked for.
struct ServerGreeting: Equatable {
    enum Expected: Equatable { case master, clusterNode }

    /// A hash of the run_id, see `ServerRun`; 0 when it may not be known.
    private(set) var run: Int64 = 0
    private var mode: String?
    private var role: String?
    /// Where a replica's master is.
    private var master: String?
    /// Whoever may not ask is told so, once.
    private(set) var notices: [String] = []

    /// The answer to `INFO server`, or why it was refused. Returns what is wrong with it.
    mutating func info(_ result: RedisResult) -> String? {
        switch result {
        case .success(let value):
            let fields = Self.fields(value.text ?? "")
            guard let runID = fields["run_id"] else { return "INFO: the answer has no run_id; is this a Redis?" }
            self.run = ServerRun.number(runID)
            self.mode = fields["redis_mode"] ?? fields["server_mode"]
            return nil
        case .failure(.refused(_, let message)) where Self.isForbidden(message):
            self.notices.append(
                "INFO may not be asked (\(message)): a restart of Redis that lost the last moments is noticed by the "
                    + "marks of the rooms only; \(RedisRights.advice)"
            )
            return nil
        case .failure(let error): return Self.refusal("INFO", error)
        }
    }

    /// The answer to `ROLE`, or why it was refused. Returns what is wrong with it.
    mutating func role(_ result: RedisResult) -> String? {
        switch result {
        case .success(let value):
            guard let parts = value.array, let role = parts.first?.text else { return "ROLE: the answer has no role" }
            self.role = role
            if role == "slave", parts.count >= 3, let host = parts[1].text, let port = parts[2].integer {
                self.master = "\(host):\(port)"
            }
            return nil
        case .failure(.refused(_, let message)) where Self.isForbidden(message):
            self.notices.append(
                "ROLE may not be asked (\(message)): a replica is noticed at the first write only; "
                    + RedisRights.advice
            )
            return nil
        case .failure(let error): return Self.refusal("ROLE", error)
        }
    }

    /// What keeps this server from being used; nil when it is the right one.
    func objection(expected: Expected) -> String? {
        if self.mode == "sentinel" {
            return "this is a sentinel: write redis+sentinel://HOST:PORT,.../MASTER-NAME"
        }
        switch expected {
        case .clusterNode:
            return self.mode == "standalone" ? "this is no node of a Cluster: write redis://HOST:PORT" : nil
        case .master:
            if self.mode == "cluster" { return "this is a node of a Cluster: write redis+cluster://HOST:PORT,..." }
            guard let role = self.role, role != "master", role != "primary" else { return nil }
            return "this is a replica\(self.master.map { " of \($0)" } ?? ""): writes go to its master"
        }
    }

    private static func refusal(_ action: String, _ error: RedisError) -> String {
        guard case .refused(let code, let message) = error, let advice = RedisRights.advice(code: code) else {
            return "\(action): \(error.reason)"
        }
        return "\(action): \(message); \(advice)"
    }

    private static func isForbidden(_ message: String) -> Bool {
        message.hasPrefix("NOPERM") || message.hasPrefix("ERR unknown command")
    }

    private static func fields(_ text: String) -> [Substring: String] {
        var fields: [Substring: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields[line[..<colon]] = String(line[line.index(after: colon)...])
        }
        return fields
    }
}

/// Tells one life of a server process from the next: every start takes a new run_id, and so may have lost what came
/// last.
public enum ServerRun {
    /// 1 to 2^48 - 1, so that Lua and every wire keep it whole. FNV-1a, folded.
    public static func number(_ runID: String) -> Int64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in runID.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int64(max(1, (hash >> 48 ^ hash) & 0xFFFF_FFFF_FFFF))
    }
}

/// What a user of Redis must be allowed.
enum RedisRights {
    static let advice =
        "give its user the rights that Sluice needs: ACL SETUSER NAME ~sluice:* +@all -@admin -@dangerous +info +role"

    /// What to do when a server refuses us with that code; nil when its message says it all.
    static func advice(code: String) -> String? {
        switch code {
        case "WRONGPASS": "Redis does not know this user with this password: check user and password in the address"
        case "NOAUTH": "Redis asks for a password: write it into the address, redis://:PASSWORD@HOST"
        case "NOPERM": self.advice
        default: nil
        }
    }

    /// The same for a command of a connection that was made ready. What a script may not do is no NOPERM: Redis says of
    /// the script's user what it says of the command's, as an error of the script.
    static func adviceOnCommand(code: String, message: String) -> String? {
        let words = ["can't run this command", "can't access at least one of the keys"]
        if code == "NOPERM" || words.contains(where: message.contains) { return self.advice }
        return code == "TRYAGAIN"
            ? "a slot of the Cluster is being moved to another node, and its keys are on both" : nil
    }
}
