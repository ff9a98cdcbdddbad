import Addresses
import Primitives

/// What a cloud's command line says of a pool's instances: one on each line, as `ID ADDRESS STATE`, with spaces or tabs
/// between them. That is what `aws ... --query '...[InstanceId,PrivateIpAddress,State.Name]' --output text` prints.
///
/// An address is an IP address, with a port unless the settings say which one all have; `-`, `None` and `null` say that
/// there is none yet. Two that have the same are no list, unless one of them leaves: one worker would count twice. States
/// are those of the clouds' own words, see `states`; one that is not known is no list.
public struct InstanceList: Equatable, Sendable {
    public enum State: Equatable, Sendable {
        case starting
        case running
        /// On its way out, by whoever's wish.
        case leaving
    }

    public struct Instance: Equatable, Sendable {
        public let id: String
        public let address: SocketAddress?
        public let state: State

        public init(id: String, address: SocketAddress?, state: State) {
            self.id = id
            self.address = address
            self.state = state
        }
    }

    /// Why what was printed is no list.
    public struct Damage: Error, Equatable, Sendable, CustomStringConvertible {
        public let description: String
    }

    /// Twice as many as a pool may have.
    public static let maxInstances = 2_000
    public static let maxIDBytes = 200
    public static let maxLineBytes = 1_024

    /// Those that have gone are left out.
    public private(set) var instances: [Instance] = []

    public init(_ instances: [Instance]) { self.instances = instances }

    /// - Parameter port: of addresses that have none; nil: each has its own.
    public init(printed bytes: [UInt8], port: UInt16?) throws(Damage) {
        var ids: Set<String> = []
        var addresses: Set<SocketAddress> = []
        for (index, line) in bytes.split(separator: ASCII.lineFeed).enumerated() {
            let words = line.split { $0 == ASCII.space || $0 == ASCII.tab || $0 == ASCII.carriageReturn }
            if words.isEmpty { continue }
            let place = "line \(index + 1)"
            guard line.count <= Self.maxLineBytes else {
                throw Damage(description: "\(place) is longer than \(Self.maxLineBytes) bytes")
            }
            guard words.count == 3 else {
                throw Damage(description: "\(place) has \(words.count) words instead of ID ADDRESS STATE")
            }
            guard let instance = try Self.instance(words.map { Self.text($0) }, port: port, at: place) else { continue }
            guard ids.insert(instance.id).inserted else {
                throw Damage(description: "\(place) names \(instance.id) once more")
            }
            // One that leaves may have left its address to another one already.
            if let address = instance.address, instance.state != .leaving, !addresses.insert(address).inserted {
                throw Damage(description: "\(place) names \(address) once more")
            }
            guard self.instances.count < Self.maxInstances else {
                throw Damage(description: "it names more than \(Self.maxInstances) instances")
            }
            self.instances.append(instance)
        }
    }

    /// Nil for one that has gone.
    private static func instance(
        _ words: [String],
        port: UInt16?,
        at place: String
    ) throws(Damage) -> Instance? {
        let (id, state) = (words[0], words[2])
        guard id.utf8.count <= Self.maxIDBytes, id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw Damage(
                description: "the id at \(place) is longer than \(Self.maxIDBytes) bytes, or not in printable ASCII"
            )
        }
        let key = state.lowercased().filter { $0.isLetter }
        if Self.gone.contains(key) { return nil }
        guard let known = Self.states[key] else {
            throw Damage(description: "'\(state)' at \(place) is no state that is known")
        }
        return Instance(id: id, address: try Self.address(words[1], port: port, at: place), state: known)
    }

    private static func address(_ word: String, port: UInt16?, at place: String) throws(Damage) -> SocketAddress? {
        if ["-", "none", "null"].contains(word.lowercased()) { return nil }
        let isBareV6 = !word.hasPrefix("[") && word.utf8.count { $0 == UInt8(ascii: ":") } > 1
        let text = port.map { isBareV6 ? "[\(word)]:\($0)" : "\(word):\($0)" } ?? word
        do {
            let address = try SocketAddress(parsing: text)
            guard let port = address.port, port > 0 else {
                throw Damage(description: "'\(word)' at \(place) has no port")
            }
            return address
        } catch let damage as Damage {
            throw damage
        } catch {
            let remedy = port == nil ? "; without a port in the settings each needs its own" : ""
            throw Damage(description: "'\(word)' at \(place) is no address of an instance\(remedy)")
        }
    }

    private static func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

    /// In lower case, letters only.
    private static let states: [String: State] = {
        var states: [String: State] = [:]
        for word in ["pending", "provisioning", "starting", "staging", "creating", "activating", "pendingwait"] {
            states[word] = .starting
        }
        for word in ["pendingproceed", "initializing", "booting", "queued", "repairing"] { states[word] = .starting }
        for word in ["running", "inservice", "active", "ready", "healthy", "up", "ok", "succeeded"] {
            states[word] = .running
        }
        for word in ["draining", "stopping", "terminating", "shuttingdown", "deleting", "deactivating", "leaving"] {
            states[word] = .leaving
        }
        for word in ["terminatingwait", "terminatingproceed", "deprovisioning", "detaching", "standby", "suspending"] {
            states[word] = .leaving
        }
        return states
    }()
    private static let gone: Set = [
        "stopped", "terminated", "deleted", "deallocated", "detached", "suspended", "exited", "failed",
    ]
}
