/// The way to an API server: production's is HTTP, and a test may have one in memory. All calls and answers are on one
/// loop.
public protocol APITransport: AnyObject {
    /// One answer, or why there is none; exactly once.
    func send(
        _ request: APIRequest,
        timeoutNanoseconds: Int64,
        completion: @escaping (Result<APIResponse, APIFailure>) -> Void
    )

    /// An answer whose lines come one by one, until `onEnd` is called with nil at its proper end.
    func stream(
        _ request: APIRequest,
        timeoutNanoseconds: Int64,
        onLine: @escaping ([UInt8]) -> Void,
        onEnd: @escaping (APIFailure?) -> Void
    ) -> any APIStream

    /// What is wrong with the way itself though it may still work, for the operator; nil when nothing is.
    var problem: String? { get }

    /// What is under way fails.
    func close()
}

public protocol APIStream: AnyObject {
    /// Nothing more is told of it.
    func cancel()
}

/// Cuts a stream into lines, and keeps no more than a stated part of one.
struct LineSplitter {
    let maxBytes: Int
    private var rest: [UInt8] = []

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    /// The lines that `bytes` complete, empty ones left out; nil when one is too long.
    mutating func take(_ bytes: some Sequence<UInt8>) -> [[UInt8]]? {
        var lines: [[UInt8]] = []
        for byte in bytes {
            if byte == 0x0A {
                if !self.rest.isEmpty { lines.append(self.rest) }
                self.rest = []
            } else {
                guard self.rest.count < self.maxBytes else { return nil }
                self.rest.append(byte)
            }
        }
        return lines
    }
}
