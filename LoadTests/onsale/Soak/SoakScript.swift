import HTTPWire
import Primitives

/// What one client of a soak does with one connection, and what it may hear.
struct SoakScript: Sendable {
    /// How a client behaves.
    enum Manner: String, CaseIterable, Sendable {
        case plain, post, chunkedPost, pipelined, slowWriter, slowBodyWriter, slowReader, halfClose
        case resetConnecting, resetInHead, resetInBody, resetWaiting, resetInResponse
        case garbage, idle, burst, tunnel

        /// The client does all that a polite one does: it must hear something, and nothing is its fault.
        var isPolite: Bool {
            switch self {
            case .plain, .post, .chunkedPost, .pipelined, .halfClose: true
            case .slowWriter, .slowBodyWriter, .slowReader, .resetConnecting, .resetInHead, .resetInBody,
                .resetWaiting, .resetInResponse, .garbage, .idle, .burst, .tunnel:
                false
            }
        }
    }

    /// How the worker behind the path behaves.
    enum Behaviour: String, CaseIterable, Sendable {
        case ok, big, chunked, untilClose, slow, drip, interim, early, lastOne, cut, reset, garbage, stall, silence
        /// Switches to another protocol when it is asked to, in which it sends back what it gets.
        case echo

        /// The response that a client of such a worker is to get is a good one, if it gets to the worker at all.
        var isGood: Bool {
            switch self {
            case .ok, .big, .chunked, .untilClose, .slow, .drip, .interim, .early, .lastOne: true
            case .cut, .reset, .garbage, .stall, .silence, .echo: false
            }
        }
    }

    enum Step: Equatable, Sendable {
        case write([UInt8])
        case pause(milliseconds: Int)
        /// From now on the client takes one piece of input every so often.
        case readSlowly(milliseconds: Int)
        /// Until so many whole responses have come.
        case awaitResponses(Int)
        case awaitFirstByte
        /// Until the protocol has been switched, or a response says that it will not be.
        case awaitTunnel
        case finishWriting, reset, close
    }

    let manner: Manner
    let behaviour: Behaviour
    /// The word that a good response to the request must hold.
    let mark: String
    let methods: [Method]
    let steps: [Step]

    /// - Parameter number: makes the mark unique in its run.
    init(number: Int, using random: inout SplitMix64) {
        // Half of the clients are polite.
        let manner =
            Bool.random(using: &random)
            ? [.plain, .post, .chunkedPost].randomElement(using: &random)!
            : Manner.allCases.randomElement(using: &random)!
        let draw = Int.random(in: 0..<10, using: &random)
        let behaviour = draw < 4 ? Behaviour.ok : Behaviour.allCases.randomElement(using: &random)!
        let place = ["/raw", "/raw", "/raw", "/extra"].randomElement(using: &random)!
        self.init(manner, behaviour, place: place, number: number, using: &random)
    }

    init(_ manner: Manner, _ behaviour: Behaviour, place: String, number: Int, using random: inout SplitMix64) {
        self.manner = manner
        self.behaviour = manner == .slowReader ? .big : manner == .tunnel ? .echo : behaviour
        self.mark = "mark-\(number)-"
        let path = "\(place)/\(self.behaviour.rawValue)/\(self.mark)"
        let get = Self.request("GET", path)
        let bodyBytes = Int.random(in: 1...200_000, using: &random)
        let body = [UInt8](repeating: Self.filler, count: bodyBytes)
        let post = Self.request("POST", path, "Content-Length: \(bodyBytes)")
        let cut = Int.random(in: 1..<get.count, using: &random)
        let pause = Step.pause(milliseconds: Int.random(in: 0...400, using: &random))
        var methods: [Method] = [.get]
        switch manner {
        case .plain: self.steps = [.write(get), .awaitResponses(1), .close]
        case .post:
            methods = [.post]
            self.steps = [.write(post + body), .awaitResponses(1), .close]
        case .chunkedPost:
            methods = [.post]
            let head = Self.request("POST", path, "Transfer-Encoding: chunked")
            self.steps = [.write(head + Self.chunks(body, using: &random)), .awaitResponses(1), .close]
        case .pipelined:
            methods = Array(repeating: .get, count: Int.random(in: 2...8, using: &random))
            self.steps = [.write(Array(methods.map { _ in get }.joined())), .awaitResponses(methods.count), .close]
        case .slowWriter:
            let pieces = stride(from: 0, to: get.count, by: 11).map { Array(get[$0..<min($0 + 11, get.count)]) }
            self.steps = pieces.flatMap { [.write($0), .pause(milliseconds: 30)] } + [.awaitResponses(1), .close]
        case .slowBodyWriter:
            methods = [.post]
            let pieces = (0..<20).map { Array(body[($0 * bodyBytes / 20)..<(($0 + 1) * bodyBytes / 20)]) }
            self.steps =
                [.write(post)] + pieces.flatMap { [.write($0), .pause(milliseconds: 60)] }
                + [.awaitResponses(1), .close]
        case .slowReader: self.steps = [.readSlowly(milliseconds: 60), .write(get), .awaitResponses(1), .close]
        case .halfClose: self.steps = [.write(get), .finishWriting, .awaitResponses(1), .close]
        case .resetConnecting: self.steps = [.reset]
        case .resetInHead: self.steps = [.write(Array(get[..<cut])), pause, .reset]
        case .resetInBody:
            let part = body[..<Int.random(in: 0..<bodyBytes, using: &random)]
            self.steps = [.write(post + part), pause, .reset]
        case .resetWaiting: self.steps = [.write(get), pause, .reset]
        case .resetInResponse: self.steps = [.write(get), .awaitFirstByte, .reset]
        case .garbage: self.steps = [.write(Self.nonsense(using: &random)), .awaitResponses(1), .close]
        case .idle: self.steps = [pause, pause, .close]
        case .burst:
            // Requests that queue for a worker, and whose clients then lose patience.
            let patience = Step.pause(milliseconds: Int.random(in: 0...1_500, using: &random))
            self.steps = [.write(get), patience, Bool.random(using: &random) ? .reset : .close]
        case .tunnel:
            let upgrade = Self.request("GET", path, "Connection: Upgrade", "Upgrade: websocket", Self.webSocketKey)
            let end = [Step.reset, .close, .finishWriting].randomElement(using: &random)!
            let piece = Step.write(Array(body.prefix(20_000)))
            self.steps = [.write(upgrade), .awaitTunnel, piece, pause, piece, pause, end, .close]
        }
        self.methods = methods
    }

    static let filler = UInt8(ascii: "b")
    private static let webSocketKey = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c29ha2luZyBhIGdhdGV3YXk="

    private static func request(_ method: String, _ path: String, _ fields: String...) -> [UInt8] {
        let lines = ["\(method) \(path) HTTP/1.1", "Host: soak", "Accept: application/json"] + fields + ["", ""]
        return Array(lines.joined(separator: "\r\n").utf8)
    }

    private static func chunks(_ body: [UInt8], using random: inout SplitMix64) -> [UInt8] {
        var wire: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...40_000, using: &random))
            wire += Array("\(String(piece.count, radix: 16));soak=yes\r\n".utf8) + piece + Array("\r\n".utf8)
            rest = rest.dropFirst(piece.count)
        }
        return wire + Array("0\r\nX-Trailer: soak\r\n\r\n".utf8)
    }

    private static func nonsense(using random: inout SplitMix64) -> [UInt8] {
        let texts = [
            "\u{16}\u{3}\u{1}\u{2}\r\n\r\n", "GET /\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n",
            "POST /raw/ok/x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "POST /raw/ok/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "GET /raw/../raw%2f..\\ok HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /raw/ok/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        ]
        return Array(texts.randomElement(using: &random)!.utf8)
    }
}
