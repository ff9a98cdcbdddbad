import EventLoop
import Primitives
import TestKit
import Transport

/// A loop with a network, real or virtual: what a test of the contract of streams runs on.
struct StreamRig {
    enum Kind: Sendable, CustomStringConvertible {
        case sockets
        case virtual(seed: UInt64)

        static let all: [Kind] = [.sockets] + (1...25 as ClosedRange<UInt64>).map { .virtual(seed: $0) }

        var description: String {
            switch self {
            case .sockets: "sockets"
            case .virtual(let seed): "virtual, seed \(seed)"
            }
        }
    }

    private enum Side {
        case sockets(LoopFixture)
        case virtual(VirtualWorld, VirtualLoop)
    }

    let network: any Network
    private let side: Side

    init(_ kind: Kind) throws {
        switch kind {
        case .sockets:
            self.side = .sockets(try LoopFixture())
            self.network = SocketNetwork()
        case .virtual(let seed):
            let world = VirtualWorld(seed: seed)
            self.side = .virtual(world, world.makeLoop())
            self.network = VirtualNetwork(world: world)
        }
    }

    var loop: any LoopContext {
        switch self.side {
        case .sockets(let fixture): fixture.loop
        case .virtual(_, let loop): loop
        }
    }

    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) throws -> Result {
        switch self.side {
        case .sockets(let fixture): try fixture.run(body)
        case .virtual(let world, let loop): try world.run(on: loop, body)
        }
    }

    func waitUntil(_ condition: () -> Bool) throws {
        switch self.side {
        case .sockets(let fixture): try fixture.waitUntil(condition)
        case .virtual(let world, _):
            let holds = world.run(
                withinNanoseconds: Int64(LoopFixture.deadlineSeconds) * Nanoseconds.perSecond,
                until: condition
            )
            guard holds else { throw DeadlinePassed() }
        }
    }

    /// Time in which anything that is on its way would come.
    func settle() throws {
        let isOver = Record(false)
        let loop = self.loop
        try self.run { _ = loop.after(nanoseconds: 50 * Nanoseconds.perMillisecond) { isOver.update { $0 = true } } }
        try self.waitUntil { isOver.value }
    }

    func listen(_ accept: @escaping @Sendable (any ByteStream) -> (any StreamHandler)?) throws -> SocketAddress {
        let network = self.network
        let loop = self.loop
        return try self.run {
            try network.listen(on: loop, at: .loopback(port: 0), tls: nil, accept: accept).boundAddress
        }
    }

    /// Connects on the loop; `make` makes the client's handler there.
    func connect(to address: SocketAddress, _ make: @escaping @Sendable () -> any StreamHandler) throws {
        let network = self.network
        let loop = self.loop
        try self.run {
            _ = try network.connect(
                to: address,
                on: loop,
                timeoutNanoseconds: 5 * Nanoseconds.perSecond,
                handler: make()
            )
        }
    }

    func end() throws { if case .sockets(let fixture) = self.side { try fixture.end() } }
}
