import EventLoop
import Logging
import Settings
import Tokens
import Transport

/// One listener of a gateway.
public struct GatewayListener: Sendable {
    /// Its place in the settings' list.
    public let number: Int
    public private(set) var address: SocketAddress
    /// What it shows at the start; nil for plain HTTP.
    public let identity: ServerIdentity?
    /// Where tickets that this listener gives are taken.
    let tickets: TicketSharing
    /// The same for all loops, so that each takes the tickets of every other.
    let ticketKeys: TLSTicketKeys

    public init(number: Int, address: SocketAddress, identity: ServerIdentity?, tickets: TicketSharing = .shared) {
        self.number = number
        self.address = address
        self.identity = identity
        self.tickets = tickets
        self.ticketKeys = TLSTicketKeys(givesTickets: tickets != .off)
    }

    /// The same one, with the port that it was given.
    func bound(to address: SocketAddress) -> GatewayListener {
        var bound = self
        bound.address = address
        return bound
    }

    /// For one loop. Takes milliseconds, which is not a loop's work once it serves.
    public func makeContext(for identity: ServerIdentity) throws -> TLSContext {
        try TLSContext(identity, ticketKeys: self.ticketKeys)
    }
}

/// What a gateway's loop is made from; travels to the loop and is built there.
struct LoopBlueprint: Sendable {
    let settings: Settings
    let keys: [SigningKey]
    let shares: GatewayShares
    let network: any Network
    let loopCount: Int
    let connectionLimit: Int
    let seed: UInt64
    let log: Logger

    /// Listens too; the addresses come in the order of `listeners`, with their ports.
    func build(
        on context: any LoopContext,
        stores: SharedStores,
        listeners: [GatewayListener]
    ) throws -> (loop: GatewayLoop, addresses: [SocketAddress]) {
        let loop = GatewayLoop(
            tools: LoopTools(
                loop: context,
                network: self.network,
                loopCount: self.loopCount,
                limits: self.settings.limits,
                keys: self.keys,
                draining: self.shares.draining,
                seed: self.seed &+ UInt64(context.index),
                log: self.log
            ),
            store: stores.rooms,
            shares: self.shares,
            settings: self.settings,
            keys: self.keys,
            connectionLimit: self.connectionLimit
        )
        let addresses = try listeners.map { listener in
            let tls = try listener.identity.map(listener.makeContext)
            return try loop.listen(on: listener.address, tls: tls, number: listener.number)
        }
        return (loop, addresses)
    }
}
