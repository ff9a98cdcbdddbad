import HTTPWire

/// Why a worker's connection ended before its response did.
enum UpstreamFailure: Equatable {
    /// `wasRead`: some of the request may have been read by the worker.
    case connectionLost(wasRead: Bool)
    case badResponse
    case responseTimeout
    /// The gateway's own buffers are full.
    case outOfMemory
}

/// Who uses a worker's connection: an exchange. All calls come on the loop, none while one of the user's own calls to
/// the connection is running.
protocol UpstreamUser: AnyObject {
    /// What comes between these came with one read. Not nested.
    func workerBegins()
    func workerPauses()
    /// The loop's response head is filled; `bytes` begin with it.
    func workerInterim(_ bytes: UnsafeRawBufferPointer)
    func workerSwitched(_ bytes: UnsafeRawBufferPointer)
    func workerHead(_ bytes: UnsafeRawBufferPointer)
    func workerBody(_ payload: UnsafeRawBufferPointer)
    func workerEnded(trailers: Trailers)
    func workerTunnelBytes(_ bytes: UnsafeRawBufferPointer)
    /// A tunnel's other side will send no more.
    func workerEndedTunnel()
    /// The worker takes bytes again.
    func workerDrained()
    /// The connection is over. The lease is to be ended all the same.
    func workerFailed(_ failure: UpstreamFailure)
}
