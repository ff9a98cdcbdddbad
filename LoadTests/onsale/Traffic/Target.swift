import HTTPWire
import Primitives
import Settings
import Transport

/// Where the visitors of a run send their requests, and from where.
struct Target: Sendable {
    /// One host holds some 28,000 connections to one address, closed ones of the last minute included.
    static let sourceCount = 48

    /// Visitor `index` always asks the same one: `addresses[index % addresses.count]`.
    let addresses: [SocketAddress]
    private let sources: [SocketAddress]
    private let hosts: [[UInt8]]
    private let route: RoomRoute?
    private let binding: VisitorBinding

    /// Loopback addresses are asked from many others; of any other network this machine has one.
    let hasManySources: Bool

    /// - Parameters:
    ///   - addresses: at least one.
    ///   - route: the host and the path of the pages; nil: whatever the address is called, and the whole site.
    ///   - binding: visitors have a field or a cookie of their own where the room ties their passes to one.
    init(_ addresses: [SocketAddress], route: RoomRoute? = nil, binding: VisitorBinding = .none) {
        precondition(!addresses.isEmpty, "a crowd needs somewhere to go")
        self.addresses = addresses
        self.route = route
        self.binding = binding
        self.hosts = addresses.map { Array((route?.host ?? $0.description).utf8) }
        self.hasManySources = addresses.allSatisfy { $0.description.hasPrefix("127.") }
        // 127.0.0.1 is left to everybody else. Where networks are told apart, each source is in one of its own.
        let step: UInt32 = if case .address(let bits, _) = binding, bits < 32 { 256 } else { 1 }
        self.sources = (0..<Self.sourceCount).map { .ipv4(0x7F00_0002 + UInt32($0) * step, port: 0) }
    }

    /// The same visitors with one more place to go to.
    func joined(by address: SocketAddress) -> Target {
        Target(self.addresses + [address], route: self.route, binding: self.binding)
    }

    func address(of index: Int) -> SocketAddress { self.addresses[index % self.addresses.count] }

    /// nil: the system chooses.
    func source(of index: Int) -> SocketAddress? {
        self.hasManySources ? self.sources[index % self.sources.count] : nil
    }

    /// Writes a whole request for one page. `person`: who tabs and devices belong to; nil: each to somebody else.
    func write(
        _ request: VisitorMachine.Request,
        of index: Int,
        by person: Int? = nil,
        cookies: CookieJar,
        to writer: inout ByteWriter
    ) {
        writer.append("GET ")
        if let route = self.route {
            writer.append(route.path(of: "\(request.page.path)"))
        } else {
            writer.append(request.page.path)
        }
        writer.append("?mark=")
        request.mark.forEachDigit { writer.append(byte: $0) }
        writer.append(" HTTP/1.1\r\n")
        self.hosts[index % self.hosts.count].withUnsafeBytes { writer.appendField("Host", $0) }
        writer.append("Accept: application/json\r\nUser-Agent: onsale\r\n")
        self.writeIdentity(of: person ?? index, cookies, to: &writer)
        writer.endHead()
    }

    /// The visitor's cookies, and what the room's passes are tied to.
    private func writeIdentity(of person: Int, _ cookies: CookieJar, to writer: inout ByteWriter) {
        var header = cookies.header
        switch self.binding {
        case .none, .address: break
        case .header(let name):
            writer.append("\(name): visitor-\(person)\r\n" as String)
        case .cookie(let name):
            header = Array("\(name)=visitor-\(person)".utf8) + (header.isEmpty ? [] : Array("; ".utf8) + header)
        }
        if !header.isEmpty { header.withUnsafeBytes { writer.appendField("Cookie", $0) } }
    }
}
