import HTTPWire
import Primitives
import Transport

extension ByteStream {
    /// Writes payload as a chunk of our own making: what a peer framed is never passed on.
    func writeChunk(_ payload: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(byteCount: 24, alignment: 8) { memory in
            var size = ByteWriter(memory)
            size.appendChunkSize(payload.count)
            self.write(size.written)
        }
        self.write(payload)
        self.write("\r\n")
    }

    /// Trailers may be longer here than they came: each line is written anew.
    func writeLastChunk(trailers: Trailers) {
        guard !trailers.isEmpty else { return self.write("0\r\n\r\n") }
        self.write("0\r\n")
        trailers.withLines { self.write($0) }
        self.write("\r\n")
    }
}
