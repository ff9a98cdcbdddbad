/// What a module above keeps once for each event loop, over everything of its own on that loop: `EventLoop.part` finds it.
/// Let go with the loop, which holds it: it must not hold the loop.
public protocol LoopPart: AnyObject {
    init()
}
