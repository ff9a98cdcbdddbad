import EventLoop
import Transport

/// Whether somebody takes a connection, which is closed at once.
public enum ConnectProbe {
    /// `completion` is called once, on the loop, never before this returns.
    public static func ask(
        address: SocketAddress,
        on loop: EventLoop,
        timeoutNanoseconds: Int64,
        completion: @escaping (_ isTaken: Bool) -> Void
    ) {
        loop.preconditionOnLoop()
        let handler = ConnectHandler(completion)
        do {
            _ = try Connection.connect(
                to: address,
                on: loop,
                timeoutNanoseconds: timeoutNanoseconds,
                handler: handler
            )
        } catch {
            loop.onNextTurn { handler.finish(false) }
        }
    }
}

private final class ConnectHandler: StreamHandler {
    private var completion: ((Bool) -> Void)?

    init(_ completion: @escaping (Bool) -> Void) { self.completion = completion }

    func finish(_ isTaken: Bool) {
        let completion = self.completion
        self.completion = nil
        completion?(isTaken)
    }

    func connected(_ stream: any ByteStream) {
        self.finish(true)
        stream.close()
    }

    func received(_ stream: any ByteStream, _ bytes: UnsafeRawBufferPointer) -> Int { bytes.count }
    func inputEnded(_ stream: any ByteStream) { stream.close() }
    func closed(_ stream: any ByteStream, _ reason: CloseReason) { self.finish(false) }
}
