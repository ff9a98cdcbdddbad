import HTTPService
import Primitives

/// What a client wrote on its request to know the response by: `?mark=` and sixteen hexadecimal digits. Anything else is
/// no mark, so that nothing is ever repeated that could be read as markup.
struct RequestMark {
    static let length = 16
    private let text: String?

    init(_ request: borrowing ServiceRequest) { self.init(request.queryValue("mark")) }

    init(_ text: String?) {
        guard let text, text.utf8.count == Self.length, text.utf8.allSatisfy(Self.isHexadecimal) else {
            self.text = nil
            return
        }
        self.text = text
    }

    /// The body with the mark at its end, as a comment; the body itself when there is none.
    func ending(_ body: [UInt8]) -> [UInt8] {
        guard let text = self.text else { return body }
        var marked: [UInt8] = []
        marked.reserveCapacity(body.count + Self.length + 10)
        marked += body
        marked += "<!-- \(text) -->\n".utf8
        return marked
    }

    func ending(_ body: String) -> [UInt8] { self.ending(Array(body.utf8)) }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        ASCII.isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
