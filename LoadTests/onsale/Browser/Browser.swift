import EventLoop
import Glibc
import HTTPWire
import Primitives
import Transport

/// What a browser needs from the run that it is part of. Lives on the crowd's loop.
protocol BrowserHost: AnyObject {
    var loop: EventLoop { get }
    var target: SiteTarget { get }
    /// Read into by all browsers, one at a time.
    var head: ResponseHead { get set }
    /// nil when one more connection may be opened, else the reason why not.
    var reasonAgainstConnecting: ErrorKind? { get }
    func connectionBegan()
    func connectionOpened(isResumed: Bool)
    func connectionEnded()
    /// A kept connection had gone before the request reached anyone; the browser asks again without a word.
    func askedAgain()
}

/// Who looks at the pages.
protocol BrowserUser: AnyObject {
    /// The request's bytes were given to the socket.
    func sent(_ number: Int)
    func answered(_ number: Int, _ response: PageResponse)
    func failed(_ number: Int, _ kind: ErrorKind, detail: CloseReason?)
}

/// The connections of one visitor, as browsers keep them: one that is shared by all requests where the site speaks
/// HTTP/2, else up to `mostConnections` side by side; kept between pages, and gone to again with an abbreviated TLS
/// handshake.
///
/// Lives on the crowd's loop. Requests beyond what the connections take wait in order; there are at most as many as a
/// page has parts.
final class Browser: PageConnectionOwner {
    /// What browsers open to one host with HTTP/1.1.
    static let mostConnections = 6

    private struct Waiting {
        let number: Int
        let request: PageRequest
        /// A browser asks again once.
        var isRepeated = false
    }

    private let host: any BrowserHost
    private let index: Int
    private weak var user: (any BrowserUser)?
    private var connections: [PageConnection] = []
    private var queue: [Waiting] = []
    private var underWay: [Int: Waiting] = [:]
    private var ticket: TLSTicket?
    /// Fewer than `mostConnections` once the site has refused one beside others.
    private var mostConnections = Browser.mostConnections
    /// Tabs of one person share it.
    private let box: CookieBox
    /// Why the latest connection could not be used.
    private var lastDetail: CloseReason?

    /// - Parameter index: whose browser it is, which decides from where and to which address it connects.
    init(_ host: any BrowserHost, index: Int, cookies: CookieBox = CookieBox()) {
        self.host = host
        self.index = index
        self.box = cookies
    }

    var cookies: SiteCookies { self.box.cookies }
    /// The network is gone: what answers bring is lost, their cookies, too.
    var isDeaf = false

    /// Cookies end by the clock on the wall.
    private static var nowSeconds: Int64 { Int64(time(nil)) }

    private func cookieHeader(for target: String) -> String? {
        self.box.cookies.header(for: target, nowSeconds: Self.nowSeconds)
    }

    func forgetCookies() { self.box.cookies = SiteCookies() }

    /// Before the first request.
    func serve(_ user: any BrowserUser) { self.user = user }

    /// Some connection is open or on its way.
    var isConnected: Bool { !self.connections.isEmpty }
    var speaksHTTP2: Bool { self.connections.contains(where: \.isMultiplexed) }

    func ask(_ request: PageRequest, number: Int) {
        self.queue.append(Waiting(number: number, request: request))
        self.pump()
    }

    /// Forgets what is under way and closes all connections.
    func stop() {
        self.queue = []
        self.underWay = [:]
        self.closeConnections()
    }

    /// Allowed while nothing is asked for.
    func closeConnections() {
        for connection in self.connections { self.forget(connection) }
    }

    private func forget(_ connection: PageConnection) {
        guard let position = self.connections.firstIndex(where: { $0 === connection }) else { return }
        self.connections.remove(at: position)
        self.host.connectionEnded()
        connection.close()
    }

    // MARK: Which request goes where

    private func pump() {
        while let next = self.queue.first {
            if let connection = self.connections.first(where: { $0.capacity > 0 }) {
                self.queue.removeFirst()
                self.underWay[next.number] = next
                let target = next.request.target
                connection.send(next.request, number: next.number, cookie: self.cookieHeader(for: target))
                self.user?.sent(next.number)
                connection.settle()
                continue
            }
            guard self.mayOpenAnother else { return }
            guard self.open() else { return }
        }
    }

    /// A further connection would help: what is known of the site is that it takes one request at a time on each.
    private var mayOpenAnother: Bool {
        let connecting = self.connections.count { $0.isConnecting }
        if self.connections.contains(where: \.isMultiplexed) { return false }
        if self.connections.isEmpty { return true }
        // The first one tells what the site speaks.
        if connecting == self.connections.count { return false }
        return self.connections.count < self.mostConnections && connecting < self.queue.count
    }

    /// False when the next request has failed for want of a connection.
    private func open() -> Bool {
        var reason = self.host.reasonAgainstConnecting
        if reason == nil {
            let connection = PageConnection(self.host.target, owner: self)
            do {
                try connection.connect(of: self.index, ticket: self.ticket, on: self.host.loop)
                self.connections.append(connection)
                self.host.connectionBegan()
                return true
            } catch {
                reason = .toolLimit
            }
        }
        // With others open, the page only takes longer.
        if self.connections.isEmpty { self.failAllWaiting(reason ?? .toolLimit) }
        return false
    }

    private func failAllWaiting(_ kind: ErrorKind) {
        let waiting = self.queue
        self.queue = []
        for request in waiting { self.user?.failed(request.number, kind, detail: self.lastDetail) }
    }

    // MARK: What connections tell

    func withHead(_ body: (inout ResponseHead) -> Int) -> Int { body(&self.host.head) }

    func opened(_ connection: PageConnection) {
        self.host.connectionOpened(isResumed: connection.isResumed)
        self.pump()
    }

    func answered(_ number: Int, _ response: PageResponse, _ connection: PageConnection) {
        guard let known = self.underWay.removeValue(forKey: number) else { return }
        if let ticket = connection.ticket { self.ticket = ticket }
        guard !self.isDeaf else { return }
        for field in response.fields where field.name == "set-cookie" {
            self.box.cookies.take(
                setCookie: field.value,
                from: self.host.target.url.with(target: known.request.target),
                nowSeconds: Self.nowSeconds
            )
        }
        self.user?.answered(number, response)
        self.pump()
    }

    func failed(_ number: Int, _ kind: ErrorKind, mayRepeat: Bool, _ connection: PageConnection) {
        guard let known = self.underWay.removeValue(forKey: number) else { return }
        if mayRepeat, known.request.isRepeatable, !known.isRepeated {
            self.host.askedAgain()
            self.queue.insert(Waiting(number: number, request: known.request, isRepeated: true), at: 0)
            // A stream may be refused by a connection that goes on.
            if connection.capacity > 0 { self.pump() }
            return
        }
        self.user?.failed(number, kind, detail: nil)
    }

    func mayTakeMore(_ connection: PageConnection) { self.pump() }

    func ended(_ connection: PageConnection, _ kind: ErrorKind, detail: CloseReason?) {
        self.forget(connection)
        self.lastDetail = detail
        if !connection.wasUsed {
            // The only connection came to nothing: the next one would, too.
            if self.connections.isEmpty {
                self.failAllWaiting(kind)
            } else {
                self.mostConnections = self.connections.count
            }
        }
        self.pump()
    }
}
