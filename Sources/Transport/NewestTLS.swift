/// What a listener's handshakes are begun with: the latest that it was given. Its connections hold it while they wait
/// for their turn, so that a certificate that was renewed meanwhile is shown to them, too. Confined to the listener's loop.
final class NewestTLS {
    var context: TLSContext

    init(_ context: TLSContext) { self.context = context }
}
