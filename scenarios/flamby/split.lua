-- FLamby's division of the four UCI files into training and test, a letter for each line of a file: r train,
-- e test, a point for rows that lack one of the values used. scikit-learn's train_test_split with seed 43 and
-- 66 % for training, stratified by outcome; not so in Zurich, where one patient alone is healthy.
-- Source: computed from the definition in FLamby (Ogier du Terrail et al. 2022), github.com/owkin/FLamby.
return {
  Cleveland =
    "rrrrrerrrrrrrerrerrrrrrrererrrrrrrerrrrrereerreeeerrrereerreeereeerrrerrerrrerer"
    .. "rrrrrreeereerererrrrrereeerrrrrrrerrerrrrrrerrrrerrrreeeeerrrrrrrrrrrrreerereerr"
    .. "errererrrreerrrrrrreerrrrrrrerererrrrerrreeerrrrrrrerereererrereerreerrrrerrerre"
    .. "rrrerrerreerrrrreeeeerrreeerrrerrrrrrrrrrrreeerreeerereeeeerrer",
  Budapest =
    "rr.rerrrerrrrrrrrerrrrerrre.eee.er.rereeerrr.rerrrrreeerererrrrer.eerrer.rr.errr"
    .. "r.eeer.rrr..rrrre.ere..rere..rrrerrrrrrrrerr.erreee.rr.rreererre.rrreerree.rrree"
    .. "rerrre.r.errrerrrrrerr.eererrerrrrerr.e.rrrrrrerrerrrereeeereererr.erreeererrrr."
    .. "rrer.rrrrerrreerrrrrrrrrerer.rerrre.rr.rrereeererrreer",
  Zurich =
    ".....r.r.....r.rr..e.e.e..er...r..r.....r.e...e.r....rre.e.ere...r....e...r.r..."
    .. "re....er.rer...r.....r.rr..r....ree.r.rr.r",
  ["Long Beach"] =
    "rerrreer.rerr.errrrrrrr.rr.rr..rerre.r.rre.r.eer..e.eree...r...re.re...r.rrrr.re"
    .. "rrrrree.e.rere.e..errr.rere.e.......ree..rrr..rre.rre.rr...re..r..r.r.reerr.r..."
    .. "..r...r..rrrrr.reeere.rre.eererrrere.e.r",
}
