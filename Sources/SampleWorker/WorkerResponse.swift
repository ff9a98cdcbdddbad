import HTTPService
import Observability

/// What a request will be answered with, taken from it when it comes: the request itself is only lent.
enum WorkerResponse {
    static let maxBytes: Int64 = 1 << 32

    case page
    case leave
    case echo([UInt8])
    case echoedHead([UInt8])
    case bytes(Int64, isChunked: Bool)
    case fail(UInt16)
    case mistake(String)

    init(_ request: borrowing ServiceRequest) {
        if request.hasPathEnd("/leave") {
            self = .leave
        } else if request.hasPath("/echo") {
            self = request.queryValue("head") == nil ? .echo(Array(request.body)) : .echoedHead(Self.describe(request))
        } else if request.hasPath("/bytes") {
            guard let text = request.queryValue("n"), let count = Int64(text), (0...Self.maxBytes).contains(count)
            else {
                self = .mistake("write /bytes?n=COUNT, with COUNT in 0...\(Self.maxBytes)\n")
                return
            }
            self = .bytes(count, isChunked: request.queryValue("chunked") != nil)
        } else if request.hasPath("/fail") {
            guard let status = request.queryValue("status").flatMap({ UInt16($0) }), (400...599).contains(status) else {
                self = .mistake("write /fail?status=STATUS, with STATUS in 400...599\n")
                return
            }
            self = .fail(status)
        } else {
            self = .page
        }
    }

    /// The head as it was received: `{"request": "GET / HTTP/1.1", "fields": [{"name": .., "value": ..}], "body_bytes": 0}`.
    private static func describe(_ request: borrowing ServiceRequest) -> [UInt8] {
        let line = request.headBytes.prefix { $0 != 0x0D }
        var json = JSONWriter()
        json.beginObject()
        json.member("request", String(decoding: line, as: UTF8.self))
        json.member("peer", request.peer.description)
        json.member("body_bytes", request.body.count)
        json.key("fields")
        json.beginArray()
        request.forEachField { name, value in
            json.beginObject()
            json.member("name", name)
            json.member("value", value)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.finished()
    }
}
