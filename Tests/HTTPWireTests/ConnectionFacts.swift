import HTTPWire
import Primitives

/// What a connection machine said of some bytes, with neighbouring pieces of payload joined, so that two ways of cutting
/// the same bytes can be compared.
enum ConnectionFact: Equatable {
    case request(RequestSnapshot), response(ResponseSnapshot), payload([UInt8])
    case interim(UInt16), switching, end(String), failed(WireFailure.Reason), after(AfterResponse)
}

/// Feeds the pieces of `bytes` between `ends` to a connection machine. Each piece is copied to memory of exactly its
/// size, so that the address sanitizer sees a read beyond it.
struct ConnectionFeed {
    var limits: HeadLimits
    var maxBodyBytes: Int64

    /// What a server makes of a client's bytes. It responds to every request at once (`respondsEarly`) or once the
    /// request is complete.
    func serve(_ bytes: [UInt8], ends: [Int], respondsEarly: Bool) -> [ConnectionFact] {
        var server = HTTP1Server(limits: self.limits, maxBodyBytes: self.maxBodyBytes)
        var head = RequestHead(limits: self.limits)
        var facts: [ConnectionFact] = []
        var offset = 0
        func respond() {
            _ = server.beginResponse(.length(0), staysOpen: true)
            facts.append(.after(server.endResponse()))
        }
        for end in ends {
            while true {
                let (input, used, fact) = withExactCopy(bytes[offset..<end]) { bytes in
                    let (input, used) = server.read(bytes, into: &head)
                    let fact: ConnectionFact? =
                        switch input {
                        case .needMore: nil
                        case .head: .request(Self.snapshot(head, bytes))
                        case .payload(let range): .payload(Array(range.slice(of: bytes)))
                        case .end: .end(written { $0.appendLastChunk(trailers: server.trailers) })
                        case .failed(let failure): .failed(failure.reason)
                        }
                    return (input, used, fact)
                }
                offset += used
                if let fact { Self.append(fact, to: &facts) }
                if input == .needMore { break }
                let isDue =
                    switch input {
                    case .head: respondsEarly
                    case .end, .failed: server.owesResponse
                    default: false
                    }
                if isDue { respond() }
            }
        }
        return facts
    }

    /// Empty lines before the head count as its bytes only when they come together with it.
    private static func snapshot(_ head: borrowing RequestHead, _ bytes: UnsafeRawBufferPointer) -> RequestSnapshot {
        var snapshot = RequestSnapshot(head, bytes)
        snapshot.byteCount -= Int(head.methodRange.start)
        return snapshot
    }

    /// What a client makes of a server's bytes. It asks at most a few times, always with the same method.
    func ask(_ bytes: [UInt8], ends: [Int], method: Method, upgrades: Bool) -> [ConnectionFact] {
        var client = HTTP1Client(limits: self.limits, maxBodyBytes: self.maxBodyBytes)
        var head = ResponseHead(limits: self.limits)
        var facts: [ConnectionFact] = []
        var offset = 0
        client.begin(method, asksForUpgrade: upgrades)
        client.requestSent()
        for end in ends {
            while true {
                let (input, used, fact) = withExactCopy(bytes[offset..<end]) { bytes in
                    let (input, used) = client.read(bytes, into: &head)
                    let fact: ConnectionFact? =
                        switch input {
                        case .needMore: nil
                        case .interim: .interim(head.status)
                        case .switching: .switching
                        case .head: .response(ResponseSnapshot(head, bytes))
                        case .payload(let range): .payload(Array(range.slice(of: bytes)))
                        case .end: .end(written { $0.appendLastChunk(trailers: client.trailers) })
                        case .failed(let failure): .failed(failure.reason)
                        }
                    return (input, used, fact)
                }
                offset += used
                if let fact { Self.append(fact, to: &facts) }
                if input == .switching { return facts }
                // A response that is complete makes room for the next request, as long as there are bytes for it.
                if input == .end, client.canReuse, facts.count < 6 {
                    client.begin(method, asksForUpgrade: upgrades)
                    client.requestSent()
                }
                if input == .needMore { break }
            }
        }
        return facts
    }

    private static func append(_ fact: ConnectionFact, to facts: inout [ConnectionFact]) {
        if case .payload(let more) = fact, case .payload(let before)? = facts.last {
            facts[facts.count - 1] = .payload(before + more)
        } else {
            facts.append(fact)
        }
    }
}
