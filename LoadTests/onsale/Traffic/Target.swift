import HTTPWire
import Primitives
import Transport

/// Where the visitors of a run send their requests, and from where.
struct Target: Sendable {
    /// One host holds some 28,000 connections to one address, closed ones of the last minute included.
    static let sourceCount = 48

    /// Visitor `index` always asks the same one: `addresses[index % addresses.count]`.
    let addresses: [SocketAddress]
    private let sources: [SocketAddress]
    private let hosts: [[UInt8]]

    /// Loopback addresses are asked from many others; of any other network this machine has one.
    let hasManySources: Bool

    /// - Parameter addresses: at least one.
    init(_ addresses: [SocketAddress]) {
        precondition(!addresses.isEmpty, "a crowd needs somewhere to go")
        self.addresses = addresses
        self.hosts = addresses.map { Array($0.description.utf8) }
        self.hasManySources = addresses.allSatisfy { $0.description.hasPrefix("127.") }
        // 127.0.0.1 is left to everybody else.
        self.sources = (0..<Self.sourceCount).map { .ipv4(0x7F00_0002 + UInt32($0), port: 0) }
    }

    func address(of index: Int) -> SocketAddress { self.addresses[index % self.addresses.count] }

    /// nil: the system chooses.
    func source(of index: Int) -> SocketAddress? {
        self.hasManySources ? self.sources[index % self.sources.count] : nil
    }

    /// Writes a whole request for one page.
    func write(_ request: VisitorMachine.Request, of index: Int, cookies: CookieJar, to writer: inout ByteWriter) {
        writer.append("GET ")
        writer.append(request.page.path)
        writer.append("?mark=")
        request.mark.forEachDigit { writer.append(byte: $0) }
        writer.append(" HTTP/1.1\r\n")
        self.hosts[index % self.hosts.count].withUnsafeBytes { writer.appendField("Host", $0) }
        writer.append("Accept: application/json\r\nUser-Agent: onsale\r\n")
        if !cookies.header.isEmpty { cookies.header.withUnsafeBytes { writer.appendField("Cookie", $0) } }
        writer.endHead()
    }
}
