import Addresses
import Primitives
import Transport

/// A client's connection as its loop keeps it, whatever protocol it speaks.
protocol ClientConnection: AnyObject {
    var stream: (any ByteStream)? { get }
    /// Of the listener that it came by.
    var rules: ListenerRules { get }
    /// The port that it came to; nil on a unix socket.
    var listenPort: UInt16? { get }
    /// Place in the loop's list of connections.
    var listIndex: Int { get set }
    /// Nothing has been asked, and no part of something.
    var isIdle: Bool { get }
    /// Since when, while `isIdle`.
    var idleSince: Instant { get }
    /// For whom the connection is counted among those that carry one visitor's pass.
    var carried: (book: VisitorBook, number: VisitorBook.Seat)? { get set }
    /// Filled once, when it is asked for.
    var cachedForwardedFields: [UInt8] { get set }

    /// The house is full, and this connection idle: it makes room, at once.
    func evict()
    /// The process ends: requests under way have their responses, and nothing comes after them.
    func drain()
}

/// Who keeps the list of a loop's client connections.
protocol ConnectionRegistry: AnyObject {
    var exchanges: ExchangeShelf { get }
    func connectionClosed(_ connection: any ClientConnection)
    /// The client speaks HTTP/2: another connection goes on with the stream, as its handler, in place of this one.
    func goOnWithHTTP2(_ connection: any ClientConnection, _ stream: any ByteStream) -> any StreamHandler
}

/// What a connection knows of its client, for each request on it.
extension ClientConnection {
    var isSecure: Bool { self.stream?.isSecure ?? false }
    var tlsVersion: StaticString? { self.stream?.tlsVersion }

    var peerAddress: IPAddress? {
        switch self.stream?.peer {
        case .ipv4(let address, _): .v4(address)
        case .ipv6(let high, let low, _): .v6(high, low)
        case .unix, nil: nil
        }
    }

    func carries(_ number: Int64, in book: VisitorBook, limit: Int) -> Bool {
        if let carried = self.carried, carried.book === book, carried.number == number { return true }
        guard book.connections.take(number, limit: limit) else { return false }
        if let carried = self.carried { carried.book.connections.leave(carried.number) }
        self.carried = (book, number)
        return true
    }

    /// The connection is no more.
    func leaveBook() {
        if let carried = self.carried {
            self.carried = nil
            carried.book.connections.leave(carried.number)
        }
    }

    /// `Host` is the client's own.
    var forwardedFields: [UInt8] {
        if self.cachedForwardedFields.isEmpty {
            // Once a connection: piece by piece costs one allocation, and a text put together three more.
            var fields: [UInt8] = []
            fields.reserveCapacity(96)
            if let address = self.peerAddress {
                fields += "X-Forwarded-For: ".utf8
                fields += address.unmapped.description.utf8
                fields += "\r\n".utf8
            }
            fields += "X-Forwarded-Proto: ".utf8
            fields += (self.isSecure ? "https" : "http").utf8
            fields += "\r\n".utf8
            if let certificate = self.stream?.verifiedCertificate { fields += ClientCertificateField.line(certificate) }
            self.cachedForwardedFields = fields
        }
        return self.cachedForwardedFields
    }
}
