import Addresses
import HTTPWire
import Primitives
import Settings
import Transport

/// Where a request comes from, as far as somebody who is trusted says so.
struct RequestOrigin: Equatable {
    /// The client's address; nil when only a unix socket is known.
    var address: IPAddress?
    /// The client speaks TLS, to this gateway or to the proxy in front of it.
    var isSecure = false
    /// A trusted proxy has sent it: the connection carries requests of many visitors.
    var isProxied = false
}

/// `forwarding` of the settings, as the loop uses it. Confined to its loop.
final class ForwardingRules {
    /// So many proxies of ours may stand in a row; whoever the last of them names is the client.
    static let mostHops = 32
    /// A request that has passed gateways of ours so often goes round in a circle.
    static let mostPasses = 10
    static let mostRequestIDBytes = 128

    let settings: ForwardingSettings
    /// In small letters; empty for no ids.
    let requestIDName: [UInt8]
    /// With `: ` behind it, as it is written.
    let requestIDStart: [UInt8]
    private let trustsUnix: Bool

    init(_ settings: ForwardingSettings = ForwardingSettings()) {
        self.settings = settings
        self.requestIDName = Array((settings.requestIDField ?? "").lowercased().utf8)
        self.requestIDStart = settings.requestIDField.map { Array("\($0): ".utf8) } ?? []
        self.trustsUnix = settings.trustedProxies.contains(.unix)
    }

    func trusts(_ address: IPAddress) -> Bool { self.settings.trustedProxies.contains { $0.contains(address) } }

    /// `address` is nil for a peer behind a unix socket.
    func trustsPeer(_ address: IPAddress?) -> Bool { address.map(self.trusts) ?? self.trustsUnix }

    // MARK: Where a request comes from

    /// - Parameters:
    ///   - peer: the address of the connection; nil for a unix socket.
    ///   - isSecure: whether the connection is.
    ///   - bytes: those that `head` was read from.
    func origin(
        peer: IPAddress?,
        isSecure: Bool,
        _ head: borrowing RequestHead,
        in bytes: UnsafeRawBufferPointer
    ) -> RequestOrigin {
        guard self.trustsPeer(peer) else { return RequestOrigin(address: peer?.unmapped, isSecure: isSecure) }
        var origin = RequestOrigin(address: peer?.unmapped, isSecure: isSecure, isProxied: true)
        switch self.settings.clientSource {
        case .xForwardedFor:
            if let last = self.client(of: .xForwardedFor, head, in: bytes) { origin.address = last.address }
            if let said = Self.lastProto(head, in: bytes) { origin.isSecure = said }
        case .forwarded:
            guard let last = self.client(of: .forwarded, head, in: bytes) else { break }
            origin.address = last.address
            if let said = last.isSecure { origin.isSecure = said }
        }
        return origin
    }

    /// The last step of the way that is no trusted proxy; the first step when all are; nil when nobody says anything that
    /// can be understood. Read from the end: what stands before the client's own address is the client's to invent.
    private func client(
        of name: FieldName,
        _ head: borrowing RequestHead,
        in bytes: UnsafeRawBufferPointer
    ) -> ForwardedElement? {
        guard head.names.contains(name) else { return nil }
        var found: ForwardedElement?
        var hops = 0
        for field in head.fields.reversed() where field.id == name {
            var rest = field.value.slice(of: bytes)[...]
            while !rest.isEmpty {
                let comma = rest.lastIndex(of: UInt8(ascii: ","))
                let text = ForwardedElement.trimmed(rest[(comma.map { $0 + 1 } ?? rest.startIndex)...])
                rest = rest[..<(comma ?? rest.startIndex)]
                if text.isEmpty { continue }
                hops += 1
                guard hops <= Self.mostHops, let element = Self.element(UnsafeRawBufferPointer(rebasing: text), name)
                else { return found }
                found = element
                guard self.trusts(element.address) else { return found }
            }
        }
        return found
    }

    private static func element(_ text: UnsafeRawBufferPointer, _ name: FieldName) -> ForwardedElement? {
        if name == .forwarded { return ForwardedElement(forwarded: text) }
        return ForwardedElement.address(text).map(ForwardedElement.init(address:))
    }

    /// What the nearest proxy says: the last word of the last field.
    private static func lastProto(_ head: borrowing RequestHead, in bytes: UnsafeRawBufferPointer) -> Bool? {
        guard head.names.contains(.xForwardedProto),
            let field = head.fields.last(where: { $0.id == .xForwardedProto })
        else { return nil }
        let value = field.value.slice(of: bytes)
        let start = value.lastIndex(of: UInt8(ascii: ",")).map { $0 + 1 } ?? 0
        return ForwardedElement.isSecure(UnsafeRawBufferPointer(rebasing: ForwardedElement.trimmed(value[start...])))
    }

    // MARK: Circles

    /// The request has passed gateways that call themselves `sluice` too often.
    static func goesInCircles(_ head: borrowing RequestHead, in bytes: UnsafeRawBufferPointer) -> Bool {
        guard head.names.contains(.via) else { return false }
        var passes = 0
        for field in head.fields where field.id == .via {
            var rest = field.value.slice(of: bytes)[...]
            while !rest.isEmpty {
                let end = rest.firstIndex(of: UInt8(ascii: ",")) ?? rest.endIndex
                if Self.isOurs(ForwardedElement.trimmed(rest[..<end])) { passes += 1 }
                rest = rest[min(end + 1, rest.endIndex)...]
            }
        }
        return passes >= Self.mostPasses
    }

    /// `1.1 sluice`, with any protocol and comment.
    private static func isOurs(_ pass: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard let space = pass.firstIndex(of: ASCII.space) else { return false }
        let name = ForwardedElement.trimmed(pass[(space + 1)...]).prefix { $0 != ASCII.space && $0 != ASCII.tab }
        return ASCII.equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: name), "sluice")
    }
}
