import Foundation

/// An HTTP response as the tests see it.
struct Answer {
    let status: Int
    let minorVersion: Int
    /// In the order of the wire, names in small letters.
    let fields: [(name: String, value: String)]
    var body: [UInt8] = []
    /// Answers such as 100 that came before it, in order.
    var interim: [Answer] = []
    var interimCount: Int { self.interim.count }

    /// `head` ends with the empty line.
    init(head: String) throws {
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ", maxSplits: 2)
        // Programs that print heads of HTTP/2 put them in the same form.
        guard words.count >= 2, words[0].hasPrefix("HTTP/1.") || words[0] == "HTTP/2", let status = Int(words[1]) else {
            throw Disappointment("no status line: '\(lines[0])'")
        }
        self.status = status
        self.minorVersion = words[0].hasSuffix(".1") ? 1 : 0
        self.fields = try lines.dropFirst().prefix { !$0.isEmpty }.map { line in
            guard let colon = line.firstIndex(of: ":") else { throw Disappointment("no field: '\(line)'") }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            return (line[..<colon].lowercased(), value)
        }
    }

    /// The first value of a field; `name` in small letters.
    func field(_ name: String) -> String? { self.fields.first { $0.name == name }?.value }

    /// All values of a field, in order; `name` in small letters.
    func values(_ name: String) -> [String] { self.fields.filter { $0.name == name }.map(\.value) }

    var text: String { String(decoding: self.body, as: UTF8.self) }

    /// Values of the `Set-Cookie` fields.
    var cookies: [String] { self.fields.filter { $0.name == "set-cookie" }.map(\.value) }

    func cookie(_ name: String) -> String? {
        self.cookies.first { $0.hasPrefix("\(name)=") }
    }

    /// The waiting page in JSON.
    func position() throws -> Position { try JSONDecoder().decode(Position.self, from: Data(self.body)) }

    struct Position: Decodable {
        let state, room: String
        let number, position, waiting: Int?
        let estimate_seconds: [Int]?
        let refresh_seconds, opens_in_seconds: Int
    }
}
