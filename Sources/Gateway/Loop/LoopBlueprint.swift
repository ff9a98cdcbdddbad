import EventLoop
import Logging
import Settings
import Tokens
import Transport

/// Where one listener's TLS comes from.
public struct GatewayListener: Sendable {
    public private(set) var address: SocketAddress
    /// PEM files; nil for plain HTTP.
    public let certificate: (certificateFile: String, keyFile: String)?
    /// What TLS 1.2 may use, as OpenSSL writes it; nil for the modern default.
    public let ciphers: String?
    /// Where tickets that this listener gives are taken.
    let tickets: TicketSharing
    /// The same for all loops, so that each takes the tickets of every other.
    let ticketKeys: TLSTicketKeys

    public init(
        address: SocketAddress,
        certificate: (certificateFile: String, keyFile: String)?,
        ciphers: String? = nil,
        tickets: TicketSharing = .shared
    ) {
        self.address = address
        self.certificate = certificate
        self.ciphers = ciphers
        self.tickets = tickets
        self.ticketKeys = TLSTicketKeys(givesTickets: tickets != .off)
    }

    /// The same one, with the port that it was given.
    func bound(to address: SocketAddress) -> GatewayListener {
        var bound = self
        bound.address = address
        return bound
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
            let tls = try listener.certificate.map {
                try TLSContext(
                    certificateFile: $0.certificateFile,
                    keyFile: $0.keyFile,
                    ciphers: listener.ciphers ?? TLSContext.defaultCiphers,
                    ticketKeys: listener.ticketKeys
                )
            }
            return try loop.listen(on: listener.address, tls: tls)
        }
        return (loop, addresses)
    }
}
