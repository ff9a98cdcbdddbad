import Primitives

/// A request as a page needs it, whatever protocol carries it.
struct PageRequest: Equatable, Sendable {
    var method = "GET"
    /// Path and query.
    var target: String
    /// Names in lower case. `Host`, cookies and the framing are added by whoever sends it.
    var fields: [Field] = []
    var body: [UInt8] = []
    /// What comes back is looked at; else its body is only counted.
    var keepsBody = true

    struct Field: Equatable, Sendable {
        var name: String
        var value: String
    }

    /// May be sent again when a kept connection goes before a byte of the response has come, as browsers do.
    var isRepeatable: Bool { self.method == "GET" || self.method == "HEAD" }
}

/// A response as a page is judged by, whatever protocol carried it.
struct PageResponse: Equatable, Sendable {
    /// So much of a body is kept; the rest is counted.
    static let mostKeptBytes = 256 * 1024
    /// So many fields are kept, the first ones.
    static let mostFields = 100

    var status = 0
    /// Names in lower case, in the order in which they came.
    var fields: [PageRequest.Field] = []
    /// The first bytes of the body, where the request asks for them.
    var body: [UInt8] = []
    /// Of the whole body.
    var bodyBytes = 0

    mutating func take(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard self.fields.count < Self.mostFields else { return }
        let name = String(decoding: name.lazy.map(ASCII.lowercased), as: UTF8.self)
        self.fields.append(.init(name: name, value: String(decoding: value, as: UTF8.self)))
    }

    mutating func take(payload: UnsafeRawBufferPointer, keeps: Bool) {
        self.bodyBytes += payload.count
        guard keeps, self.body.count < Self.mostKeptBytes else { return }
        self.body += payload.prefix(Self.mostKeptBytes - self.body.count)
    }

    /// The first field of that name, which is in lower case.
    func value(of name: String) -> String? { self.fields.first { $0.name == name }?.value }

    var isHTML: Bool { self.value(of: "content-type")?.lowercased().contains("html") ?? false }
    /// What is not UTF-8 shows as replacement characters.
    var text: String { String(decoding: self.body, as: UTF8.self) }
}
