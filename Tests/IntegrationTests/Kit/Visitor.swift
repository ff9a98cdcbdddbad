import Foundation

/// A browser of the tests: keeps cookies, asks for JSON, and takes a new connection when the old one has ended.
final class Visitor {
    private let port: UInt16
    private(set) var cookies: [String: String] = [:]
    private var connection: HTTPPeer?
    /// The last answer.
    private(set) var last: Answer?

    init(port: UInt16) { self.port = port }

    /// Another browser with the same cookies, at this gateway or another one.
    func copy(port: UInt16? = nil) -> Visitor {
        let copy = Visitor(port: port ?? self.port)
        copy.cookies = self.cookies
        return copy
    }

    @discardableResult
    func get(_ path: String = "/", method: String = "GET") throws -> Answer {
        try self.ask(path, method: method)
        return try self.readAnswer(to: method)
    }

    /// Sends only: the answer may be a while in coming.
    func ask(_ path: String = "/", method: String = "GET") throws {
        // Gateways end what has been idle for long, and a slow test is.
        let kept = self.connection.flatMap { $0.peer.hasEnded ? nil : $0 }
        let connection = try kept ?? HTTPPeer(port: self.port)
        self.connection = connection
        try connection.send(method, path, self.fields)
    }

    @discardableResult
    func readAnswer(to method: String = "GET") throws -> Answer {
        guard let connection = self.connection else { throw Disappointment("nothing was asked") }
        let answer = try connection.readAnswer(to: method)
        if answer.field("connection") == "close" { self.connection = nil }
        self.take(answer)
        return answer
    }

    var hasAnswer: Bool { self.connection?.hasInput == true }

    func disconnect() { self.connection = nil }

    private var fields: [(String, String)] {
        var fields = [("Accept", "application/json")]
        if !self.cookies.isEmpty {
            fields.append(("Cookie", self.cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")))
        }
        return fields
    }

    private func take(_ answer: Answer) {
        self.last = answer
        for cookie in answer.cookies {
            let parts = cookie.components(separatedBy: "; ")
            let pair = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            self.cookies[pair[0]] = parts.contains("Max-Age=0") ? nil : pair[1]
        }
    }

    func setCookie(_ name: String, _ value: String?) { self.cookies[name] = value }

    var state: String { self.last?.field("sluice-state") ?? "none" }
    var isIn: Bool { self.state == "admitted" && self.last?.status == 200 }

    /// The number of the place in the room `sale`, read out of the cookie; nil without one.
    var number: Int64? { self.cookies["sluice-place-sale"].flatMap(TokenText.init)?.number }
    var place: Place? { self.cookies["sluice-place-sale"].flatMap(TokenText.init)?.place }
    var passNumber: Int64? { self.cookies["sluice-pass-sale"].flatMap(TokenText.init)?.number }
}

/// Who somebody is in a line: numbers begin anew with each epoch.
struct Place: Hashable, Comparable, CustomStringConvertible {
    let epoch: UInt32
    let number: Int64

    static func < (one: Place, other: Place) -> Bool { (one.epoch, one.number) < (other.epoch, other.number) }

    var description: String { "\(self.epoch):\(self.number)" }
}

/// A token's bytes, taken apart and put together by the tests' own hand.
struct TokenText {
    var bytes: [UInt8]

    init?(_ text: String) {
        let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        guard let data = Data(base64Encoded: plain), data.count == 48 else { return nil }
        self.bytes = Array(data)
    }

    var text: String {
        Data(self.bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_")
    }

    var keyID: UInt8 { self.bytes[2] }
    var epoch: UInt32 { self.bytes[12..<16].reduce(0) { $0 << 8 | UInt32($1) } }
    var place: Place { Place(epoch: self.epoch, number: self.number) }
    var number: Int64 { self.bytes[16..<24].reduce(0) { $0 << 8 | Int64($1) } }
}
