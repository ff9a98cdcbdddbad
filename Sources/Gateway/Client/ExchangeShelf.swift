/// Exchanges between two requests, for whichever connection has the next one. Most connections rest most of the time, and
/// an exchange of its own would be a third of what each of them keeps.
///
/// Confined to its loop. Keeps `most`; what is given back beyond that is let go.
final class ExchangeShelf {
    private static let most = 256

    private let tools: LoopTools
    private let routes: RouteBook
    private var resting: [Exchange] = []

    init(tools: LoopTools, routes: RouteBook) {
        self.tools = tools
        self.routes = routes
    }

    func take(for client: any ExchangeClient) -> Exchange {
        guard let exchange = self.resting.popLast() else {
            return Exchange(tools: self.tools, routes: self.routes, client: client)
        }
        exchange.wakes(for: client)
        return exchange
    }

    /// The exchange is over, and its client has let it go.
    func giveBack(_ exchange: Exchange) {
        exchange.rests()
        if self.resting.count < Self.most { self.resting.append(exchange) }
    }
}
