import EventLoop
import Primitives

/// Where a command goes now.
enum FleetRoute {
    case link(RedisLink)
    /// The right node is known and not ready yet: it is waited for.
    case soon
    case nowhere(String)
}

/// What a follower needs of its client.
protocol FleetClient: AnyObject {
    func fleetChanged(_ state: RedisState)
    func fleetNotice(_ text: String)
    func fleetLoaded(_ script: RedisScript, digest: String)
    /// A node has become ready: what waited for one is sent.
    func fleetGained()
    /// Sends it, once more or for the first time, to where it belongs now.
    func dispatch(_ command: RedisCommand)
    /// Sends it again later, or fails it with `error` when its time is up.
    func postpone(_ command: RedisCommand, _ error: RedisError)
    func finish(_ command: RedisCommand, _ error: RedisError)
}

/// Keeps connections to the right servers of one kind of fleet: one alone, a master that sentinels name, a Cluster.
protocol FleetFollower: RedisNodeOwner {
    var client: (any FleetClient)? { get set }
    /// All nodes that have, or may get, a connection.
    var nodes: [RedisNode] { get }
    func start()
    /// Ends all connections; nothing is told any more.
    func close(_ reason: String)
    func route(_ command: RedisCommand) -> FleetRoute
}

extension FleetFollower {
    func nodeNotice(_ text: String) { self.client?.fleetNotice(text) }
    func nodeLoaded(_ script: RedisScript, digest: String) { self.client?.fleetLoaded(script, digest: digest) }

    /// A script that a server has forgotten is loaded again, and the call sent again behind it, once. False for all
    /// other refusals.
    func reloaded(_ node: RedisNode, _ link: RedisLink, _ command: RedisCommand, code: String) -> Bool {
        guard code == "NOSCRIPT", !command.hasReloaded, !link.isDown,
            case .script(let script, _, _, _) = command.request
        else { return false }
        node.reload(script, on: link)
        var again = command
        again.hasReloaded = true
        link.send(again)
        return true
    }

    /// For fleets with one master: an error goes to the caller, and a server that has become, or is not yet, one that can
    /// be written to is given up. After a fail-over the same way leads to the right one.
    func refusedBySingle(
        _ node: RedisNode,
        _ link: RedisLink,
        _ command: RedisCommand,
        code: String,
        message: String
    ) {
        if self.reloaded(node, link, command, code: code) { return }
        let refusal = ServerRefusal(code: code, message: message, answerer: node.place)
        var text = message
        if case .moved = refusal { text += "; this is a Cluster: write redis+cluster://HOST:PORT,..." }
        self.client?.finish(command, .refused(code: code, message: text))
        if refusal == .notNow, !link.isDown { link.end(message) }
    }
}
