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

    func writeLastChunk(trailers: Trailers) {
        withUnsafeTemporaryAllocation(byteCount: BodyReader.maxTrailerBytes + 16, alignment: 8) { memory in
            var end = ByteWriter(memory)
            end.appendLastChunk(trailers: trailers)
            self.write(end.written)
        }
    }
}
