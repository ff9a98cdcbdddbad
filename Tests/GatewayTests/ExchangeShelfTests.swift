import Addresses
import HTTPWire
import Primitives
import Testing

@testable import Gateway

@Suite struct ExchangeShelfTests {
    /// Of whom nothing is asked here but to be somebody.
    private final class Client: RequestSource, ResponseSink {
        let isSecure = false
        let tlsVersion: StaticString? = nil
        let forwardedFields: [UInt8] = []
        let peerAddress: IPAddress? = nil
        let rules = ListenerRules()
        let listenPort: UInt16? = nil
        let isCongested = false
        private(set) var gatherings = 0

        func carries(_: Int64, in _: VisitorBook, limit _: Int) -> Bool { true }
        func pauseRequest() {}
        func resumeRequest() {}
        func openTunnel() {}
        func exchangeEnded() {}
        func beginGathering() { self.gatherings += 1 }
        func endGathering() { self.gatherings -= 1 }
        func sendInterim(status _: UInt16, _: (inout ByteWriter) -> Void) {}
        func sendHead(
            status _: UInt16,
            reason _: UnsafeRawBufferPointer,
            framing _: BodyFraming,
            _: (inout ByteWriter) -> Void
        ) {}
        func sendBody(_: UnsafeRawBufferPointer) {}
        func endResponse(trailers _: Trailers) {}
        func sendSwitch(_: (inout ByteWriter) -> Void) {}
        func finishTunnel() {}
        func endTunnel() {}
        func breakOff() {}
    }

    private struct Weak { weak var exchange: Exchange? }

    private let scene = GateScene(51)

    private func shelf() -> ExchangeShelf { ExchangeShelf(tools: self.scene.gates[0].tools, routes: RouteBook()) }

    @Test func take_afterAnother_isTheSameExchange_andKnowsNothingOfTheOther() {
        let shelf = self.shelf()
        let (first, second) = (Client(), Client())
        let exchange = shelf.take(for: first)
        exchange.request.prefersJSON = true
        exchange.origin.isSecure = true
        shelf.giveBack(exchange)
        #expect(exchange.client == nil, "a connection at rest is held by nobody")
        let again = shelf.take(for: second)
        #expect(again === exchange && again.client === second)
        #expect(!again.request.prefersJSON && again.origin == RequestOrigin())
        #expect(shelf.take(for: first) !== again)
    }

    /// What came of a worker with one read leaves as one, though the response ended with it.
    @Test func workerPauses_afterTheEnd_endsTheGatheringOfTheClientThatWas() {
        let shelf = self.shelf()
        let client = Client()
        let exchange = shelf.take(for: client)
        exchange.workerBegins()
        #expect(client.gatherings == 1)
        shelf.giveBack(exchange)
        exchange.workerPauses()
        #expect(client.gatherings == 0)
    }

    @Test func giveBack_many_keepsSome() {
        let shelf = self.shelf()
        let clients = (0..<1_000).map { _ in Client() }
        var exchanges: [Exchange] = clients.map { shelf.take(for: $0) }
        let names = Set(exchanges.map(ObjectIdentifier.init))
        for exchange in exchanges { shelf.giveBack(exchange) }
        let last = Weak(exchange: exchanges.last)
        exchanges = []
        #expect(last.exchange == nil, "what there is no room for is let go")
        let kept = clients.map { shelf.take(for: $0) }.count { names.contains(ObjectIdentifier($0)) }
        #expect(kept >= 256)
    }
}
